"""Runs a script from beginning to end: swapped, clipped, recorded, reported."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnswap.errors import ReportError, RnnswapError
from rnnswap.training import folder as folders
from rnnswap.training.children import Children
from rnnswap.training.metrics import MetricsWriter
from rnnswap.training.outcome import Outcome, at_end, at_start
from rnnswap.training.run import run_module, run_script, working_folder
from rnnswap.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnnswap.training.settings import Settings


def train_script(
    script: str,
    args: Sequence[str],
    settings: Settings,
    *,
    module: bool = False,
    report: str | None = None,
    command: Sequence[str] = (),
) -> Outcome:
    """Run `script` with `args`, clipping every optimizer's steps, its LSTMs replaced.

    Args:
        script: Path of the script, which is not changed.
        args: Its arguments.
        settings: The policy, what to construct in place of nn.LSTM, and so on.
        module: `script` is a module's name, run as `python -m` would.
        report: Folder to write the report to; None for none.
        command: What was typed after `rnnswap`, for the report.

    Raises:
        RnnswapError: The run could not start: what is asked for does not exist or cannot be read,
            the folder cannot be written to. What the script itself raises is shown and becomes
            the outcome's code.
    """
    folder = working_folder()
    session = Session(settings)
    # Under torchrun every process trains, and the first alone reports.
    written = None
    if report is not None and is_first():
        written = _Report(_of_this_try(report), at_start(command, settings))
        session.recorder.sink = written.metrics.write
    children = Children(session, settings, _exchange(written))
    with session, children:
        code = (run_module if module else run_script)(script, args)
    done = children.collect()
    if session.report is not None:
        for child in done:
            session.report.swapped.extend(child.swapped)
            session.report.left.extend(child.left)
    outcome = Outcome(
        f"-m {script}" if module else script,
        code,
        session.policy,
        session.recorder.summary(),
        settings.swap,
        session.report,
        folder,
        children=[child.summary for child in done],
        notes=[*_notes(session, settings), *children.unreached()],
    )
    children.clear(keep=written is not None)
    return outcome if written is None else written.finish(outcome)


def is_first() -> bool:
    """Whether this process is the first of those that torchrun has started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _of_this_try(report: str) -> str:
    """Return the folder for the report: torchrun starts what failed again, as it was started."""
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return report if again == "0" else os.path.join(report, f"restart-{again}")  # noqa: PTH118


def _exchange(written: _Report | None) -> Path:
    """Return the folder for what children do; nobody else can know the name of a temporary one."""
    if written is not None:
        return written.folder / folders.CHILDREN
    return Path(tempfile.gettempdir()) / f"rnnswap-{secrets.token_hex(16)}"


#: So many offending parameters are named.
_NAMED = 3


class _Report:
    """The report folder of a run that goes on."""

    def __init__(self, path: str, start: dict[str, Any]) -> None:
        self._path, self._start = path, start
        self.folder = folders.prepare(path)
        try:
            self.metrics = MetricsWriter(self.folder / folders.METRICS)
        except OSError as error:
            reason = error.strerror or error
            raise ReportError(f"report folder {path!r}: {folders.METRICS}: {reason}") from error
        folders.write_summary(self.folder, start)

    def finish(self, outcome: Outcome) -> Outcome:
        """Write what the folder lacks; return the outcome with the place, or why there is none."""
        self.metrics.close()
        notes, page = [*outcome.notes], ""
        if self.metrics.failure is not None:
            notes.append(f"not every step is in {self.metrics.failure}")
        try:
            folders.write_summary(self.folder, at_end(self._start, replace(outcome, notes=notes)))
            page = self._make_page()
        except (RnnswapError, OSError) as error:
            notes.append(f"the report could not be written: {error}")
        except KeyboardInterrupt:
            notes.append(f"the report was interrupted: `rnnswap report {self._path}` makes it")
        return replace(outcome, notes=notes, page=page)

    def _make_page(self) -> str:
        # Here, not above: a run without a report needs none of it.
        from rnnswap.training.page.html import page
        from rnnswap.training.page.loading import load_with_children

        text = page(load_with_children(self.folder))
        folders.write_page(self.folder / folders.PAGE, text)
        return os.path.join(self._path, folders.PAGE)  # noqa: PTH118  (as it was typed)


def _notes(session: Session, settings: Settings) -> list[str]:
    notes = []
    if session.recorder.stopped:
        notes.append(f"stopped after {_steps(settings.max_steps or 0)}, as --max-steps asked")
    handle = session.handle
    if handle is not None and handle.nonfinite:
        names = handle.nonfinite_names
        first = f", first in {', '.join(names[:_NAMED])}" if names else ""
        did = {"skip": "left out", "raise": "refused", "warn": "made all the same"}
        notes.append(
            f"gradients were infinite or NaN in {_steps(handle.nonfinite)}, "
            f"{did[settings.on_nonfinite]}{first}"
        )
    if handle is not None and handle.script_clips is not None:
        notes.append(f"the script clips gradients itself, by {handle.script_clips}: both act")
    return notes


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"
