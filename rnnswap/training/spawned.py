"""Counts the processes that a script starts anew, which run without what this one has replaced."""

from __future__ import annotations

import multiprocessing.context
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Workers of a DataLoader load data: there is nothing to swap or to clip in them.
_LOADER = "torch.utils.data."


class SpawnedProcesses:
    """Counts multiprocessing's children by "spawn" and "forkserver" while active.

    Forked children inherit what is replaced in this process; these start from the beginning.

    Attributes:
        count: How many were started, workers of a DataLoader apart.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> SpawnedProcesses:
        for name in ("SpawnProcess", "ForkServerProcess"):
            # Windows has no fork server.
            if (process := getattr(multiprocessing.context, name, None)) is not None:
                self._wrap(process)
        return self

    def __exit__(self, *exception: object) -> None:
        while self._undo:
            self._undo.pop()()

    def _wrap(self, process: Any) -> None:
        original = process.__dict__["_Popen"]
        start = process._Popen

        def _Popen(started: Any) -> Any:  # noqa: N802  (the name it replaces)
            child = start(started)
            if not str(getattr(started._target, "__module__", "")).startswith(_LOADER):
                with self._lock:
                    self.count += 1
            return child

        wrapper = staticmethod(_Popen)

        def undo() -> None:
            # Whoever wrapped it meanwhile keeps their wrapper, and through it ours.
            if process.__dict__["_Popen"] is wrapper:
                process._Popen = original

        process._Popen = wrapper
        self._undo.append(undo)
