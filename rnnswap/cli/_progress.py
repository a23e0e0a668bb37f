"""A progress bar on stderr: on a terminal alone, and only where the work takes a while."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds of work before the bar appears, and between its changes.
_PATIENCE = 0.5
_PERIOD = 0.1


class Bar:
    """Shows how many of the files are done. Whoever prints calls `clear` first.

    Drawn by the caller's thread alone: processes are forked beside it.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._next = time.monotonic() + _PATIENCE

    @staticmethod
    def wanted() -> bool:
        """Return whether anybody would see it."""
        return sys.stderr is not None and sys.stderr.isatty()

    def told(self, done: int, total: int) -> None:
        """Show that `done` of `total` files are done, if it is time to show anything."""
        if time.monotonic() < self._next:
            return
        if self._progress is None:
            self._progress = _new_progress()
            self._progress.add_task("", total=total)
        self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=done)
        self._progress.refresh()
        self._next = time.monotonic() + _PERIOD

    def clear(self) -> None:
        """Take the bar off the screen until there is something new to show."""
        if self._progress is not None:
            self._progress.stop()


def _new_progress() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from rnnswap.cli._console import talk

    # The streams stay as they are: standard output may be a pipe and must not end up here.
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        console=talk(),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
