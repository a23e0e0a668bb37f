"""The one screen at the end of a run."""

from __future__ import annotations

import functools
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from rnnswap.training.outcome import Outcome
    from rnnswap.training.steps import Summary

#: More places than this are counted, not listed: the screen stays one screen.
LISTED_PLACES = 10
_LABEL_WIDTH = 15


def screen(outcome: Outcome, hints: Iterable[str] = ()) -> RenderableType:
    """Return what happened in a run, as lines for a console.

    What was swapped with the place of its construction, how often clipping acted, steps, loss,
    gradient norm before and after clipping, `hints`, and what was asked for without effect.
    """
    summary = outcome.summary
    rows: list[tuple[str, str]] = [
        *_swap_rows(outcome),
        ("clipping", _clipping(outcome)),
        ("children", _children(outcome)),
        ("steps", f"{summary.steps:,} in {summary.seconds:.1f} s"),
        ("loss", _loss(summary)),
        ("gradient norm", _norm(outcome)),
        ("time", _time(summary)),
        ("report", outcome.page),
    ]
    title = Text(f"rnnswap train {outcome.script}", style="bold")
    lines = [_line(label, text) for label, text in rows if text]
    sentences = [
        *hints,
        *outcome.notes,
        *outcome.without_effect(),
    ]
    warnings = [Text(sentence, style="yellow") for sentence in sentences]
    return Group(title, *lines, *warnings)


def _line(label: str, text: str) -> Text:
    return Text.assemble("  ", (f"{label:{_LABEL_WIDTH}}", "cyan"), text)


def _swap_rows(outcome: Outcome) -> Iterable[tuple[str, str]]:
    if outcome.swap is None:
        yield "cell", "nn.LSTM as it is"
        return
    place = functools.partial(_place, outcome.folder)
    count = len(outcome.swapped)
    yield "cell", f"{outcome.swap}, {count} layer{'' if count == 1 else 's'} swapped"
    yield from _places(
        f"{place(c.file, c.line)}  {c.before} -> {c.after}  {c.parameters:,} parameters"
        for c in outcome.swapped
    )
    if outcome.left:
        yield "left", f"{len(outcome.left)} as found"
        yield from _places(f"{place(c.file, c.line)}  {c.before}: {c.reason}" for c in outcome.left)


def _places(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """One row a place; what one place did several times is counted."""
    counted = Counter(lines)
    for line, times in list(counted.items())[:LISTED_PLACES]:
        yield "", line if times == 1 else f"{line}  ({times} times)"
    more = len(counted) - LISTED_PLACES
    if more > 0:
        yield "", f"and {more} more place{'' if more == 1 else 's'}"


def _place(folder: str, file: str, line: int) -> str:
    path = Path(file)
    # Relative as an editor or a terminal opens it, unless the file lies elsewhere.
    near = folder and path.is_absolute() and path.is_relative_to(folder)
    return f"{os.path.relpath(path, folder) if near else file}:{line}"


def _clipping(outcome: Outcome) -> str:
    steps, clipped = outcome.summary.steps, outcome.summary.clipped_steps
    if not outcome.clips or not steps:
        return outcome.policy
    acted = f"acted in {clipped:,} of {steps:,} steps ({clipped / steps:.1%})"
    count = outcome.summary.optimizers
    if outcome.bounds_total and count > 1:
        return f"{outcome.policy}, each optimizer's own norm ({count} optimizers), {acted}"
    return f"{outcome.policy} {acted}"


def _children(outcome: Outcome) -> str:
    """Say what child processes did, who are no part of the other rows but of the layers."""
    trained = [child for child in outcome.children if child.steps]
    if not trained:
        return ""
    steps = sum(child.steps for child in trained)
    count = len(trained)
    text = f"{count} process{'' if count == 1 else 'es'} made {steps:,} steps"
    if not outcome.clips:
        return text
    clipped = sum(child.clipped_steps for child in trained)
    return f"{text}, {outcome.policy} acted in {clipped:,} ({clipped / steps:.1%})"


def _loss(summary: Summary) -> str:
    if summary.first_loss is None or summary.last_loss is None:
        return ""
    return f"{summary.first_loss:.4g} at first, {summary.last_loss:.4g} at last"


def _time(summary: Summary) -> str:
    """Say how long a step took and in what; on an accelerator, what the host waited for."""
    if summary.step_seconds is None:
        return ""
    backward, optimizer = summary.backward_share or 0.0, summary.optimizer_share or 0.0
    rest = max(0.0, 1 - backward - optimizer)
    return (
        f"{summary.step_seconds * 1e3:.3g} ms a step: backward {backward:.0%}, "
        f"optimizer and clipping {optimizer:.0%}, the rest {rest:.0%}"
    )


def _norm(outcome: Outcome) -> str:
    summary, text = outcome.summary, ""
    if summary.norm_before is not None and summary.norm_after is not None:
        text = f"{summary.norm_before:.4g} before clipping, {summary.norm_after:.4g} after (mean)"
        if not outcome.clips:
            text = f"{summary.norm_before:.4g} (mean)"
    if summary.nonfinite:
        text = f"{text}; " if text else ""
        text += f"infinite or NaN {summary.nonfinite:,} times"
    return text
