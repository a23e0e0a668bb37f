"""What `rnnswap bench` prints: tables for people, and one JSON object for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from statistics import median
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rnnswap.bench.extra_tables import extra_tables, make_table, milliseconds
from rnnswap.bench.limit import Limit
from rnnswap.bench.machine import machine_lines
from rnnswap.bench.plan import REFERENCE, Plan
from rnnswap.bench.report import Entry, Report

#: A median spread of the samples above this says that the machine was busy.
_UNQUIET = 0.2
_TITLES = {
    "forward": "forward, eval and inference mode",
    "training": "training step, gradients of the weights",
    "training-dx": "training step, gradients of weights and input",
}
#: What an implementation of that name is.
_WHAT = {
    "cpu": " (loops in C)",
    "gpu": " (Triton)",
    "manual": " (PyTorch, backward written by hand)",
    "naive": " (plain PyTorch)",
}


def screen(report: Report) -> Iterator[RenderableType]:
    """Yield the tables, what served each cell, and where all this was measured."""
    tables = []
    if report.entries:
        for packed in (False, True) if report.plan.packed else (False,):
            tables += [_times(report, mode, packed) for mode in report.plan.modes]
        if report.plan.packed:
            tables.append(_packed_cost(report))
    for table in [*tables, *extra_tables(report)]:
        yield table
        yield ""
    yield from (Text(line) for line in _lines(report))


def as_json(report: Report) -> dict[str, Any]:
    """Return everything that was measured, raw samples included; times in seconds."""
    return {
        "plan": _plan(report.plan),
        "machine": report.machine,
        "entries": [_entry(report, entry) for entry in report.entries],
        "summary": [dataclasses.asdict(summary) for summary in report.summaries()],
        "limits": [_limit(report, limit) for limit in report.limits],
        "peaks": [{"cell": c, "shape": str(s), "bytes": b} for c, s, b in report.peaks],
        "overheads": [{**dataclasses.asdict(o), "own": o.own} for o in report.overheads],
        "failures": [{**dataclasses.asdict(f), "shape": str(f.shape)} for f in report.failures],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {**dataclasses.asdict(plan), "shapes": [str(shape) for shape in plan.shapes]}


def _limit(report: Report, limit: Limit) -> dict[str, Any]:
    return {
        **dataclasses.asdict(limit),
        "shape": str(limit.shape),
        "ratio": report.to_limit(limit, limit.parts),
        "ratio_at_once": report.to_limit(limit, limit.at_once),
    }


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


def _times(report: Report, mode: str, packed: bool) -> Table:
    cells = report.plan.cells
    title = _TITLES[mode] + (", packed input" if packed else "")
    table = make_table(f"{title}: ms, times as fast as {REFERENCE}", ("T,B,I,H", REFERENCE, *cells))
    for shape in report.plan.shapes:
        row = [report.find(cell, shape, mode, packed) for cell in (REFERENCE, *cells)]
        table.add_row(str(shape), *(_cell(report, entry) for entry in row))
    summaries = {s.cell: s for s in report.summaries() if (s.mode, s.packed) == (mode, packed)}
    if len(report.plan.shapes) > 1:
        table.add_section()
        means = {cell: s.geometric_mean for cell, s in summaries.items()}
        minima = {cell: s.minimum for cell, s in summaries.items()}
        for label, by_cell in (("geometric mean", means), ("minimum", minima)):
            found = [_times_as_fast(by_cell[c]) if c in by_cell else "" for c in cells]
            table.add_row(label, "", *found, style="bold")
    return table


def _cell(report: Report, entry: Entry | None) -> str:
    if entry is None:
        return "failed"
    time = milliseconds(entry.samples.median)
    ratio = report.ratio(entry)
    if entry.cell == REFERENCE or ratio is None:
        return time
    return f"{time} {_times_as_fast(ratio):>6}"


def _times_as_fast(ratio: float) -> str:
    return f"{ratio:.2f}x"


def _packed_cost(report: Report) -> Table:
    """How long packed input takes next to padded input of the same T, for each cell itself."""
    cells = (REFERENCE, *report.plan.cells)
    table = make_table(
        "time with packed input / time with padded input", ("T,B,I,H", "mode", *cells)
    )
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
    plan = report.plan
    yield from machine_lines(report.machine)
    asked = [f"{k}={v}" for k, v in {**plan.layer_arguments(), **plan.options}.items()]
    yield ", ".join([plan.dtype, *asked, *_method(report)])
    spreads = _spreads(report)
    if spreads and median(spreads) > _UNQUIET:
        yield (
            "the samples vary much, something else seems to run on this machine: "
            "measure again when it is quiet, or with more --repeats"
        )
    yield from map(str, report.failures)


def _method(report: Report) -> Iterator[str]:
    if report.plan.repeats == 1:
        yield "one sample of each"
        return
    yield f"medians of {report.plan.repeats} interleaved samples"
    if spreads := _spreads(report):
        yield f"their middle half spreads over {median(spreads):.0%}, at worst {max(spreads):.0%}"


def _spreads(report: Report) -> list[float]:
    """Return for each entry the range of the middle half of its samples over their median."""
    return [e.samples.spread for e in report.entries if report.plan.repeats > 1]


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
            what = _WHAT.get(kind.name, "")
            yield f"{cell}: {kind.name}{what}{where}: {kind.why}"
