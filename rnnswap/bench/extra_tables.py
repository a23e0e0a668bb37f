"""Tables of what is measured beside times: limits, memory, overhead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from rnnswap.bench.limit import LEGEND, Limit
from rnnswap.bench.plan import REFERENCE
from rnnswap.bench.report import Report


def extra_tables(report: Report) -> Iterator[Table]:
    """Yield the tables that the plan asks for beside those of times."""
    for cell in report.plan.cells:
        for mode in report.plan.modes:
            limits = [x for x in report.limits if (x.cell, x.mode) == (cell, mode)]
            if limits:
                yield _limits(report, f"{cell}, {mode}", limits)
    if report.limits:
        yield _legend(report)
    if report.peaks:
        yield _memory(report)
    if report.overheads:
        yield _overhead(report)


def make_table(title: str, columns: Iterable[str]) -> Table:
    """Return an empty table whose first column is text and whose others are figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    first, *others = columns
    table.add_column(escape(first), no_wrap=True)
    for column in others:
        table.add_column(escape(column), justify="right", no_wrap=True)
    return table


def milliseconds(seconds: float) -> str:
    """Return three or more significant digits of a time in ms."""
    value = seconds * 1e3
    return f"{value:.{max(0, 3 - len(str(int(value))) + (value < 1))}f}"


def _limits(report: Report, title: str, limits: list[Limit]) -> Table:
    parts = list(limits[0].parts)
    more = ["GB/s", "ratio"] if "copy" in parts else ["ratio", "at once"]
    table = make_table(f"{title}: ms of the parts, time / their sum", ("T,B,I,H", *parts, *more))
    for limit in limits:
        times = [milliseconds(limit.parts[part]) for part in parts]
        ratios = [report.to_limit(limit, p) for p in (limit.parts, limit.at_once)]
        shown = ["" if r is None else f"{r:.2f}" for r in ratios]
        if limit.moved:
            shown = [f"{limit.moved / limit.parts['copy'] / 1e9:.1f}", shown[0]]
        table.add_row(str(limit.shape), *times, *shown)
    return table


def _legend(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    used = {name for limit in report.limits for name in limit.parts}
    for name, words in LEGEND.items():
        if name in used:
            table.add_row(name, words)
    table.add_row("at once", "time / the sum if h U and d U were one product of T B rows each")
    return table


def _memory(report: Report) -> Table:
    cells = list(dict.fromkeys(cell for cell, _, _ in report.peaks))
    title = "peak memory of a training step: MiB over what was held before, share of nn.LSTM's"
    table = make_table(title, ("T,B,I,H", *cells))
    for shape in dict.fromkeys(shape for _, shape, _ in report.peaks):
        found = {c: size for c, s, size in report.peaks if s == shape}
        reference = found.get(REFERENCE)
        row = []
        for cell in cells:
            size = found.get(cell)
            share = "" if cell == REFERENCE or not (size and reference) else size / reference
            text = "failed" if size is None else f"{size / 2**20:.1f}"
            row.append(f"{text} {share:.2f}" if isinstance(share, float) else text)
        table.add_row(str(shape), *row)
    return table


def _overhead(report: Report) -> Table:
    columns = ("forward of 1,1,1,1", "layer", "operation", "F.linear in it", "overhead")
    table = make_table("overhead of a call, in microseconds", columns)
    for found in report.overheads:
        times = (found.layer, found.operation, found.projection, found.own)
        mode = "recorded by autograd" if found.recorded else "inference mode"
        shown = ["" if t is None else f"{t * 1e6:.1f}" for t in times]
        table.add_row(f"{found.cell}, {mode}", *shown)
    return table
