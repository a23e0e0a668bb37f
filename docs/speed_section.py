"""Writes the measured part of the README's Speed section, in either language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

Found = dict[str, Any]
CELLS = {"janet": "JANET", "indrnn": "IndRNN"}
REFERENCE = "nn.LSTM"
COLUMNS = ("forward", "training")
LIMITED = ("janet", "training")  # where nearly all work is matrix products


Words = dict[str, str]


def words() -> dict[str, Words]:
    """Return the words around the figures for each README file."""
    return tomllib.loads(Path(__file__).with_name("speed_words.toml").read_text("utf-8"))


def section(measured: dict[str, Any], language: Words) -> str:
    """Return the table of `shapes` and a sentence for each other part that was measured.

    Args:
        measured: What docs/benchmarks holds, by part; `shapes` must be there; and under
            "elsewhere" a list of `shapes` on other machines.
        language: Of `words`.
    """
    found = measured["shapes"]
    machine = language["machine"].format(**found["machine"], repeats=found["plan"]["repeats"])
    sentences = [machine, *_sentences(measured, language)]
    listed = "".join(f"- {sentence}{language['stop']}\n" for sentence in sentences)
    return "\n".join(_table(found, language)) + "\n\n" + listed


def _table(found: Found, language: Words) -> Iterator[str]:
    names = [REFERENCE, *CELLS.values()]
    heads = [f"{language[mode]} {name}" for mode in COLUMNS for name in names]
    yield f"| T, B, I, H | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    by = {(e["cell"], e["shape"], e["mode"]): e for e in found["entries"]}
    for shape in dict.fromkeys(e["shape"] for e in found["entries"]):
        row = [shape.replace(",", ", ")]
        for mode in COLUMNS:
            row.append(f"{_significant(by[REFERENCE, shape, mode]['median'] * 1e3)} ms")
            row += [_times(by[cell, shape, mode]["ratio"]) for cell in CELLS]
        yield f"| {' | '.join(row)} |"
    for label, key in ((language["mean"], "geometric_mean"), (language["least"], "minimum")):
        of = {(s["cell"], s["mode"]): s[key] for s in found["summary"]}
        row = [label]
        for mode in COLUMNS:
            row += ["", *(_times(of[cell, mode]) for cell in CELLS)]
        yield f"| {' | '.join(row)} |"


def _sentences(measured: dict[str, Any], language: Words) -> Iterator[str]:
    def figures(of: Callable[[str], str], more: str = "") -> str:
        return language["comma"].join(f"{name} {of(cell)}" for cell, name in CELLS.items()) + more

    def mean_of(found: Found, mode: str) -> str:
        ratios: dict[str, list[float]] = {}
        for entry in found["entries"]:
            if entry["mode"] == mode:
                ratios.setdefault(entry["cell"], []).append(entry["ratio"])
        return figures(lambda cell: _times(geometric_mean(ratios[cell])))

    for other in measured.get("elsewhere", []):
        means = {mode: mean_of(other, mode) for mode in COLUMNS}
        yield language["elsewhere"].format(**other["machine"], **means)
    yield language["with_dx"].format(figures=mean_of(measured["shapes"], "training-dx"))
    if "limit" in measured:
        rows = [r for r in measured["limit"]["limits"] if (r["cell"], r["mode"]) == LIMITED]
        of = language["comma"].join(f"{row['ratio']:.2f}" for row in rows)
        yield language["limit"].format(figures=of)
    if "packed" in measured:
        shares = packed_shares(measured["packed"], "training")
        beside = f"{language['comma']}nn.LSTM {median(shares[REFERENCE]):.2f}"
        of = figures(lambda cell: f"{median(shares[cell]):.2f}", beside)
        yield language["packed"].format(figures=of)
        packed = [entry for entry in measured["packed"]["entries"] if entry["packed"]]
        yield language["packed_ratio"].format(figures=mean_of({"entries": packed}, "training"))
    if "memory" in measured:
        peaks = {(p["cell"], p["shape"]): p["bytes"] for p in measured["memory"]["peaks"]}
        for shape in dict.fromkeys(shape for _, shape in peaks):
            all_of = peaks[REFERENCE, shape]
            of = figures(lambda cell, s=shape, a=all_of: f"{peaks[cell, s] / a:.2f}")
            yield language["memory"].format(shape=shape.replace(",", ", "), figures=of)
    if "sweep" in measured:
        swept = measured["sweep"]["entries"]
        count = len({entry["shape"] for entry in swept})
        least = {c: min(e["ratio"] for e in swept if e["cell"] == c) for c in CELLS}
        yield language["sweep"].format(count=count, figures=figures(lambda c: _times(least[c])))
    if "manual" in measured:
        yield language["manual"].format(figures=mean_of(measured["manual"], "training"))


def packed_shares(found: Found, mode: str) -> dict[str, list[float]]:
    """Return {cell: time with packed input over that with padded input, a shape each}."""
    times = {
        (e["cell"], e["shape"], e["packed"]): e["median"]
        for e in found["entries"]
        if e["mode"] == mode
    }
    shares: dict[str, list[float]] = {}
    for (cell, shape, packed), time in times.items():
        if packed:
            shares.setdefault(cell, []).append(time / times[cell, shape, False])
    return shares


def _times(ratio: float) -> str:
    return f"{_significant(ratio)}x"


def _significant(value: float) -> str:
    """Return three digits, or as many as stand before the point."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
