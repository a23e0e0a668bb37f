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
from rnnswap.training.metrics import MetricsWriter
from rnnswap.training.outcome import EXIT_INTERRUPTED, Outcome, at_end, at_start
from rnnswap.training.process.children import Children
from rnnswap.training.process.commands import Run
from rnnswap.training.process.own_modules import OwnModules
from rnnswap.training.process.run import (
    INTERRUPTED,
    run_module,
    run_script,
    script_folder,
    working_folder,
)
from rnnswap.training.process.setup import Setup
from rnnswap.training.steps import Summary

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
    again: bool = False,
    own: OwnModules | None = None,
) -> Outcome:
    """Run `script` with `args`, clipping every optimizer's steps, its LSTMs replaced.

    Args:
        script: Path of the script, which is not changed.
        args: Its arguments.
        settings: The policy, what to construct in place of nn.LSTM, and so on.
        module: `script` is a module's name, run as `python -m` would.
        report: Folder to write the report to; None for none.
        command: What was typed after `rnnswap`, for the report and for starting the script anew.
        again: The script has started itself anew; the report may be one that was begun.
        own: What keeps this package's modules out of the script's way; None does not.

    Raises:
        RnnswapError: The run could not start: what is asked for does not exist or cannot be read,
            the folder cannot be written to. What the script itself raises is shown and becomes
            the outcome's code.
    """
    own = own or OwnModules(None)
    run = _run_of(script, args, command, module=module)
    written = None
    if report is not None:
        folder = _of_this_try(report, again=again)
        written = _Report(folder, at_start(command, settings))
    setup = Setup(settings, own, None if written is None else written.metrics.write)
    children = Children(setup, settings, _exchange(written), run)
    try:
        code = _execute(script, args, setup, children, own, module=module)
    except RnnswapError:
        if written is not None:
            written.withdraw()
        raise
    with own.at_hand():
        outcome = _outcome(code, settings, setup, children, run)
        children.clear(keep=written is not None)
        return outcome if written is None else written.finish(outcome)


def train_child(
    script: str,
    args: Sequence[str],
    settings: Settings,
    folder: str,
    *,
    module: bool = False,
    command: Sequence[str] = (),
    own: OwnModules | None = None,
) -> int:
    """Run `script`, which a command of a script under `train` started; return its exit code.

    What it did is left in `folder` for the process that reports.

    Args:
        script: As for `train_script`, like the other arguments.
        args: Likewise.
        settings: Likewise.
        folder: Where the children of that run leave what they did.
        module: As for `train_script`.
        command: Likewise.
        own: Likewise.

    Raises:
        RnnswapError: The run could not start.
    """
    own = own or OwnModules(None)
    setup = Setup(settings, own)
    run = _run_of(script, args, command, module=module)
    children = Children(setup, settings, Path(folder), run)
    children.record()
    children.begun()
    return _execute(script, args, setup, children, own, module=module)


def _run_of(script: str, args: Sequence[str], command: Sequence[str], *, module: bool) -> Run:
    """Return what a command may start once more; `command` ends with the script and `args`."""
    options = tuple(command[: len(command) - len(args) - 1])
    return Run(script, module, options, working_folder())


def _execute(
    script: str,
    args: Sequence[str],
    setup: Setup,
    children: Children,
    own: OwnModules,
    *,
    module: bool,
) -> int:
    with setup, children:
        own.put_aside(script_folder(script, module=module))
        code = (run_module if module else run_script)(script, args, setup.stopping)
    if setup.refusal is not None:
        raise setup.refusal
    return code


def _outcome(code: int, settings: Settings, setup: Setup, children: Children, run: Run) -> Outcome:
    done, session = children.collect(), setup.session
    records: list[Any] = [*done]
    if session is not None and session.report is not None:
        records.insert(0, session.report)
    return Outcome(
        f"-m {run.script}" if run.module else run.script,
        EXIT_INTERRUPTED if code == INTERRUPTED else code,
        settings.clip if session is None else str(session.policy),
        Summary(0, 0.0) if session is None else session.recorder.summary(),
        settings.swap,
        [layer for record in records for layer in record.swapped],
        [layer for record in records for layer in record.left],
        run.folder,
        children=[child.summary for child in done],
        notes=[*_notes(setup, settings), *children.unreached()],
        interrupted=code == INTERRUPTED,
        abandoned=bool(setup.stopping.outlasted_by),
        bounds_total=session is not None and session.policy.bounds_total,
    )


def _of_this_try(report: str, *, again: bool) -> str:
    """Return the folder for the report of what was started once more.

    torchrun starts what failed again as it was started, and counts. A script that starts itself
    anew goes on with a folder in which no step was written.
    """
    count = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if count != "0":
        return os.path.join(report, f"restart-{count}")  # noqa: PTH118
    return folders.free_for_another_try(report) if again else report


def _exchange(written: _Report | None) -> Path:
    """Return the folder for what children do; nobody else can know the name of a temporary one."""
    if written is not None:
        return written.folder / folders.CHILDREN
    # The script may set TMPDIR, of which tempfile would know nothing if it had been asked before.
    known = tempfile.tempdir
    try:
        return Path(tempfile.gettempdir()) / f"rnnswap-{secrets.token_hex(16)}"
    finally:
        tempfile.tempdir = known


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

    def withdraw(self) -> None:
        """Leave nothing of a run that could not start."""
        self.metrics.close()
        for name in (folders.METRICS, folders.SUMMARY):
            (self.folder / name).unlink(missing_ok=True)

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


def _notes(setup: Setup, settings: Settings) -> list[str]:
    notes = []
    if setup.stopping.asked:
        notes.append(f"stopped after {_steps(settings.max_steps or 0)}, as --max-steps asked")
    if names := setup.stopping.outlasted_by:
        notes.append(
            f"the script's threads still ran five seconds later, and were ended with the "
            f"process: {', '.join(names[:_NAMED])}"
        )
    handle = None if setup.session is None else setup.session.handle
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
