"""What `rnnswap bench` prints: tables for people, and one JSON object for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from statistics import geometric_mean, median, quantiles
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rnnswap.bench.plan import REFERENCE, Plan
from rnnswap.bench.run import Entry, Report

_TITLES = {
    "forward": "forward (eval, inference mode)",
    "training": "training step (gradients of the weights)",
    "training-dx": "training step (gradients of the weights and of the input)",
}


def screen(report: Report) -> Iterator[RenderableType]:
    """Yield the tables, what served each cell, and where all this was measured."""
    for packed in (False, True) if report.plan.packed else (False,):
        for mode in report.plan.modes:
            yield _times(report, mode, packed)
            yield ""
    if report.plan.packed:
        yield _packed_cost(report)
        yield ""
    yield from (Text(line) for line in _lines(report))


def as_json(report: Report) -> dict[str, Any]:
    """Return everything that was measured, raw samples included; times in seconds."""
    return {
        "plan": _plan(report.plan),
        "machine": report.machine,
        "entries": [_entry(report, entry) for entry in report.entries],
        "summary": [
            {"cell": cell, "mode": mode, "packed": packed, **_extent(ratios)}
            for cell, mode, packed, ratios in _summaries(report)
        ],
        "failures": [{**dataclasses.asdict(f), "shape": str(f.shape)} for f in report.failures],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {**dataclasses.asdict(plan), "shapes": [str(shape) for shape in plan.shapes]}


def _entry(report: Report, entry: Entry) -> dict[str, Any]:
    ratio = report.ratio(entry)
    return {
        "cell": entry.cell,
        "shape": str(entry.shape),
        "mode": entry.mode,
        "packed": entry.packed,
        "implementation": entry.serving.name,
        "why": entry.serving.why,
        "calls_per_sample": entry.samples.calls,
        "samples": [float(f"{s:.5g}") for s in entry.samples.seconds],
        "median": float(f"{entry.samples.median:.5g}"),
        "ratio": None if ratio is None else round(ratio, 4),
    }


def _summaries(report: Report) -> Iterator[tuple[str, str, bool, list[float]]]:
    """Yield cell, mode, packed and the ratios at all shapes."""
    for cell in report.plan.cells:
        for mode in report.plan.modes:
            for packed in (False, True) if report.plan.packed else (False,):
                found = (report.find(cell, s, mode, packed) for s in report.plan.shapes)
                ratios = [r for e in found if e is not None and (r := report.ratio(e)) is not None]
                if ratios:
                    yield cell, mode, packed, ratios


def _extent(ratios: list[float]) -> dict[str, float]:
    return {
        "geometric_mean": round(geometric_mean(ratios), 4),
        "minimum": round(min(ratios), 4),
    }


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("T,B,I,H", no_wrap=True)
    for column in columns:
        table.add_column(escape(column), justify="right", no_wrap=True)
    return table


def _times(report: Report, mode: str, packed: bool) -> Table:
    cells = report.plan.cells
    title = _TITLES[mode] + (", packed input" if packed else "")
    table = _table(f"{title}: ms, times as fast as nn.LSTM", (REFERENCE, *cells))
    for shape in report.plan.shapes:
        row = [report.find(cell, shape, mode, packed) for cell in (REFERENCE, *cells)]
        table.add_row(str(shape), *(_cell(report, entry) for entry in row))
    ratios = {c: r for c, m, p, r in _summaries(report) if (m, p) == (mode, packed)}
    if len(report.plan.shapes) > 1:
        table.add_section()
        for label, key in (("geometric mean", "geometric_mean"), ("minimum", "minimum")):
            found = [_times_as_fast(_extent(ratios[c])[key]) if c in ratios else "" for c in cells]
            table.add_row(label, "", *found, style="bold")
    return table


def _cell(report: Report, entry: Entry | None) -> str:
    if entry is None:
        return "failed"
    time = _milliseconds(entry.samples.median)
    ratio = report.ratio(entry)
    if entry.cell == REFERENCE or ratio is None:
        return time
    return f"{time} {_times_as_fast(ratio):>6}"


def _milliseconds(seconds: float) -> str:
    """Four significant digits, or all before the point."""
    value = seconds * 1e3
    return f"{value:.{max(0, 3 - len(str(int(value))) + (value < 1))}f}"


def _times_as_fast(ratio: float) -> str:
    return f"{ratio:.2f}x"


def _packed_cost(report: Report) -> Table:
    """How long packed input takes next to padded input of the same T, for each cell itself."""
    cells = (REFERENCE, *report.plan.cells)
    table = _table("time with packed input / time with padded input", ("mode", *cells))
    for mode in report.plan.modes:
        for shape in report.plan.shapes:
            pairs = [[report.find(c, shape, mode, p) for p in (True, False)] for c in cells]
            shares = [
                f"{a.samples.median / b.samples.median:.2f}" if a and b else "failed"
                for a, b in pairs
            ]
            table.add_row(str(shape), mode, *shares)
    return table


def _lines(report: Report) -> Iterator[str]:
    yield from _servings(report)
    plan, machine = report.plan, report.machine
    yield (
        f"{machine['cpu']} ({machine['instructions']}), {machine['cores']} cores, "
        f"{machine['threads']} threads, {machine['system']}"
    )
    if "device" in machine:
        more = ("cudnn tf32", "matmul tf32")
        yield ", ".join([str(machine["device"]), *(f"{key} {machine[key]}" for key in more)])
    yield ", ".join(f"{name} {machine[name]}" for name in ("python", "torch", "rnnswap"))
    asked = [f"{k}={v}" for k, v in {**plan.layer_arguments(), **plan.options}.items()]
    yield ", ".join([plan.dtype, *asked, *_method(report)])
    yield from map(str, report.failures)


def _method(report: Report) -> Iterator[str]:
    yield f"medians of {report.plan.repeats} interleaved samples"
    spreads = [_spread(e) for e in report.entries]
    if report.plan.repeats > 1 and spreads:
        yield f"half of them within {median(spreads):.0%}, at worst {max(spreads):.0%}"


def _spread(entry: Entry) -> float:
    """Return the range of the middle half of the samples over their median."""
    low, _, high = quantiles(entry.samples.seconds, n=4, method="inclusive")
    return (high - low) / entry.samples.median


def _servings(report: Report) -> Iterator[str]:
    """Yield a line for each cell and implementation; where there are several, with its places."""
    for cell in report.plan.cells:
        own = [e for e in report.entries if e.cell == cell]
        kinds = dict.fromkeys(e.serving for e in own)
        for kind in kinds:
            places = [
                f"{e.shape} {e.mode}{' packed' if e.packed else ''}"
                for e in own
                if e.serving == kind
            ]
            where = "" if len(kinds) == 1 else f" at {'; '.join(places)}"
            yield f"{cell}: {kind.name}{where}: {kind.why}"
