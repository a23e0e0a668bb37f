"""The page itself: one file that needs no other and no network."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import rnnswap
from rnnswap.training.page.charts import charts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rnnswap.training.page.loading import Run

#: By this a page of ours is known, and may be replaced by the next.
MARK = '<meta name="generator" content="rnnswap'
#: Rows of a table beyond this are counted.
_ROWS = 50


def page(runs: Sequence[Run]) -> str:
    """Return the page of one run, or of several over each other."""
    found = charts(runs)
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    data = json.dumps({"charts": [c.data() for c in found]}, separators=(",", ":"))
    # "<" stands in strings alone, and escaped it cannot end the element that the data stand in.
    data = data.replace("<", "\\u003c")
    parts = [
        f"<h1>rnnswap: {_text(title)}</h1>",
        *(_head(runs[0]) if len(runs) == 1 else _compared(runs)),
        '<div class="charts">',
        *(_figure(c.title, bool(c.curves)) for c in found),
        "</div>",
        "<noscript><p class=note>The plots need JavaScript.</p></noscript>",
        *(part for run in runs for part in _details(run, alone=len(runs) == 1)),
        f"<footer>Made by rnnswap {_text(rnnswap.__version__)}; plots by uPlot. "
        "Drag in a plot to zoom, double-click to zoom out.</footer>",
        f'<script type="application/json" id="data">{data}</script>',
        f"<script>{_file('uplot.min.js')}</script>",
        f"<script>{_file('page.js')}</script>",
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{MARK} {_text(rnnswap.__version__)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>rnnswap: {_text(title)}</title>\n"
        f"<style>{_file('uplot.min.css')}{_file('page.css')}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _head(run: Run) -> Iterable[str]:
    if command := run.about.get("command"):
        yield f"<p><code>{_text(command)}</code></p>"
    yield "<dl>"
    for name, value in _facts(run):
        yield f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
    yield "</dl>"
    yield from _notes(run)


def _compared(runs: Sequence[Run]) -> Iterable[str]:
    names = [name for name, _ in _facts(runs[0])]
    yield '<div class="scroll"><table class="runs">'
    yield _row(["run", *names], cell="th")
    for number, run in enumerate(runs):
        dot = f'<span class="dot" data-colour="{number}"></span>' if len(run.tracks) < 2 else ""
        facts = "".join(f"<td>{_text(value)}</td>" for _, value in _facts(run))
        yield f"<tr><td>{dot}{_text(run.name)}</td>{facts}</tr>"
    yield "</table></div>"
    for run in runs:
        yield from _notes(run, f"{run.name}: ")


def _facts(run: Run) -> list[tuple[str, str]]:
    about, summary = run.about, run.summary
    share = summary.clipped_steps / summary.steps if summary.steps else 0.0
    ended = f"exit code {about.get('exit_code')}" if about.get("state") == "ended" else "no end"
    return [
        ("cell", str(about.get("cell") or "nn.LSTM as it is")),
        ("clipping", str(about.get("clip", "?"))),
        ("ended", ended),
        ("steps", f"{summary.steps:,} in {summary.seconds:,.1f} s"),
        ("step time", _number(summary.step_seconds, 1e3, " ms")),
        ("first loss", _number(summary.first_loss)),
        ("last loss", _number(summary.last_loss)),
        ("gradient norm, mean", f"{_number(summary.norm_before)} → {_number(summary.norm_after)}"),
        ("steps clipped", f"{summary.clipped_steps:,} ({share:.1%})"),
        ("infinite or NaN", f"{summary.nonfinite:,} steps"),
        ("peak memory", _number(summary.peak_memory, 2.0**-20, " MiB")),
    ]


def _notes(run: Run, before: str = "") -> Iterable[str]:
    told = run.about.get("notes", [])
    notes = [*run.notes, *(told if isinstance(told, list) else [])]
    if run.about.get("state") == "running":
        notes.append("this run had not ended when the page was made, or was killed")
    for note in notes:
        yield f'<p class="note">{_text(before)}{_text(note)}</p>'


def _figure(title: str, drawn: bool) -> str:
    rest = "" if drawn else "<p>nothing of this was recorded</p>"
    return f"<figure><figcaption>{_text(title)}</figcaption>{rest}</figure>"


def _details(run: Run, *, alone: bool) -> Iterable[str]:
    of = "" if alone else f": {run.name}"
    if not alone and (command := run.about.get("command")):
        yield f"<h2>Command{_text(of)}</h2><p><code>{_text(command)}</code></p>"
    yield from _layers(f"Swapped layers{of}", run.about.get("swapped"), "after")
    yield from _layers(f"Layers left as they are{of}", run.about.get("left"), "reason")
    rows = [
        (name, value)
        for part in ("versions", "machine")
        if isinstance(found := run.about.get(part), dict)
        for name, value in found.items()
    ]
    if started := run.about.get("started"):
        rows.append(("started", started))
    yield from _table(f"Versions and machine{of}", (), rows)


def _layers(title: str, layers: Any, last: str) -> Iterable[str]:
    rows = [
        (f"{layer.get('file')}:{layer.get('line')}", layer.get("before"), layer.get(last))
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict)
    ]
    yield from _table(title, ("where", "was", {"after": "is"}.get(last, last)), rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterable[str]:
    if not rows:
        return
    yield f'<h2>{_text(title)}</h2><div class="scroll"><table>'
    if head:
        yield _row(head, cell="th")
    yield from (_row(row) for row in rows[:_ROWS])
    if len(rows) > _ROWS:
        yield _row([f"and {len(rows) - _ROWS:,} more"])
    yield "</table></div>"


def _row(values: Iterable[object], cell: str = "td") -> str:
    return "<tr>" + "".join(f"<{cell}>{_text(v)}</{cell}>" for v in values) + "</tr>"


def _number(value: float | None, factor: float = 1.0, unit: str = "") -> str:
    return "none" if value is None else f"{value * factor:,.4g}{unit}"


def _text(value: object) -> str:
    return html.escape(str(value))


def _file(name: str) -> str:
    return (files("rnnswap.training.page") / name).read_text("utf-8")
