"""Reads a run's folder back, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnswap.errors import ReportError
from rnnswap.patch.source.files import explain
from rnnswap.training.folder import CHILDREN, METRICS, read_summary
from rnnswap.training.metrics import MetricsReader
from rnnswap.training.page.track import Track
from rnnswap.training.steps import Summary, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnnswap.training.steps import Step

#: The curves of so many optimizers stand apart, those of more together.
_OPTIMIZERS = 4


@dataclass(slots=True)
class Run:
    """A run as its folder tells it.

    Args:
        folder: The folder.
        name: What tells it from the others.
        about: summary.json; empty if there is none that can be read.
        summary: What its steps add up to.
        tracks: Its curves, one track for each optimizer.
        layers: Norms of gradients by layer.
        notes: What was wrong with the files.
    """

    folder: Path
    name: str
    about: dict[str, Any]
    summary: Summary
    tracks: dict[int, Track] = field(default_factory=dict)
    layers: Track = field(default_factory=Track)
    notes: list[str] = field(default_factory=list)


def load(folder: Path, name: str | None = None, about: dict[str, Any] | None = None) -> Run:
    """Read a run; lines that cannot be read are left out and noted.

    Args:
        folder: Its folder.
        name: What it is called; None for the folder's name.
        about: What stands for its summary.json.

    Raises:
        ReportError: The folder has no metrics.jsonl that can be read.
    """
    run = Run(folder, name or folder.resolve().name, {}, Summary(0, 0.0))
    about = read_summary(folder) if about is None else about
    if about is None:
        run.notes.append("summary.json is not there or cannot be read")
    run.about = about or {}
    totals, reader = Totals(), MetricsReader(folder / METRICS)
    try:
        for step in reader:
            totals.add(step)
            _add(run, step)
            seconds = step.time
    except OSError as error:
        raise ReportError(
            f"{str(folder)!r} is not the folder of a run: {METRICS}: {explain(error)}"
        ) from error
    run.summary = totals.summary(seconds if totals.steps else 0.0)
    if reader.bad:
        lines = f"{reader.bad:,} of {reader.lines:,} lines"
        run.notes.append(
            f"{lines} of {METRICS} are no steps, the first is line {reader.first_bad:,}"
        )
    return run


def load_all(folders: Sequence[str]) -> list[Run]:
    """Read several runs, each under a name of its own.

    Raises:
        ReportError: One of them is not the folder of a run, or is given twice.
    """
    paths = [Path(f) for f in folders]
    seen: dict[Path, str] = {}
    for path, text in zip(paths, folders, strict=True):
        other = seen.setdefault(path.resolve(), text)
        if other is not text:
            raise ReportError(f"{text!r} is given twice (as {other!r})")
    names = _names([path.resolve() for path in paths])
    found = [load_with_children(path, name) for path, name in zip(paths, names, strict=True)]
    return [run for runs in found for run in runs]


def load_with_children(folder: Path, name: str | None = None) -> list[Run]:
    """Read a run; of one whose child processes made all the steps, theirs.

    Raises:
        ReportError: As `load`.
    """
    run = load(folder, name)
    children = [] if run.summary.steps else sorted((folder / CHILDREN).glob(f"*/{METRICS}"))
    found = [load(metrics.parent, about=run.about) for metrics in children]
    trained = [child for child in found if child.summary.steps]
    for number, child in enumerate(trained):
        child.name = f"{run.name}, child {number}" if len(trained) > 1 else run.name
    return trained or [run]


def _add(run: Run, step: Step) -> None:
    optimizer = min(step.optimizer, _OPTIMIZERS - 1)
    if optimizer not in run.tracks:
        run.tracks[optimizer] = Track()
    clips = step.norm_before is not None or bool(step.nonfinite)
    run.tracks[optimizer].add(
        step.step,
        (
            ("loss", step.loss),
            ("before", step.norm_before),
            ("after", step.norm_after),
            ("seconds", step.seconds),
            ("steps", float(step.clipped) if clips else None),
            ("elements", step.share),
        ),
    )
    if step.layers:
        of = f" (optimizer {optimizer})" if optimizer else ""
        run.layers.add(step.step, [(f"{name}{of}", norm) for name, norm in step.layers.items()])


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of the paths, as many as tell them apart."""
    for count in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len({*names}) == len(names):
            break
    return names
