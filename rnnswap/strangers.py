"""Runs a stranger's import or hook so that neither output nor state of the process suffer.

Python code in one's own process cannot be confined: what replaces another library's functions or
ends the process at once (os._exit) acts. What happens by oversight, and can be undone, is undone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnswap.errors import PluginError, in_one_line


@contextlib.contextmanager
def contained() -> Iterator[list[str]]:
    """Turn whatever is raised inside into a PluginError, and what is printed to stderr.

    Everything but Ctrl-C: a plugin that calls sys.exit() on import must not end the host, nor must
    exceptions that derive from BaseException alone. stdout belongs to the command's results, also
    where a child process or C code prints.

    Yields:
        A list that holds, at the end, what was put back or is to be known, each in a sentence.

    Raises:
        PluginError: Something was raised; says what, in one line.
    """
    notes: list[str] = []
    before = _State.now()
    try:
        with _stdout_to_stderr():
            yield notes
    except (PluginError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(in_one_line(error)) from error
    finally:
        notes.extend(before.put_back())


@dataclass(frozen=True, slots=True)
class _State:
    """What of the process an import may not change."""

    folder: str | None
    path: list[str]
    depth: int
    excepthook: Any
    threads: frozenset[threading.Thread]
    torch: bool

    @classmethod
    def now(cls) -> _State:
        """Return the state as it is."""
        return cls(
            _folder(),
            [*sys.path],
            sys.getrecursionlimit(),
            sys.excepthook,
            frozenset(threading.enumerate()),
            "torch" in sys.modules,
        )

    def put_back(self) -> Iterator[str]:
        """Undo what changed, and say what that was."""
        if self.folder is not None and _folder() != self.folder:
            with contextlib.suppress(OSError):  # it may be gone
                os.chdir(self.folder)
            yield "changed the working directory, which was put back"
        if lost := [entry for entry in self.path if entry not in sys.path]:
            sys.path[:] = [*self.path, *(e for e in sys.path if e not in self.path)]
            yield f"removed {len(lost)} entries of sys.path, which were put back"
        if sys.getrecursionlimit() < self.depth:
            sys.setrecursionlimit(self.depth)
            yield "lowered the recursion limit, which was put back"
        if not callable(sys.excepthook):
            sys.excepthook = self.excepthook
            yield "removed sys.excepthook, which was put back"
        started = [t for t in threading.enumerate() if t not in self.threads and not t.daemon]
        if started:
            names = ", ".join(sorted(thread.name for thread in started))
            yield f"left running, and every command waits for its end: {names}"
        if not self.torch and "torch" in sys.modules:
            yield "imports torch, for which every command that loads plugins waits"


def _folder() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:
        return None


class _Stderr:
    """sys.stderr, but for closing it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def close(self) -> None:
        """Do nothing."""


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Redirect Python's stdout, and the descriptor that child processes and C code write to."""
    with contextlib.redirect_stdout(_Stderr()):
        _flush()
        try:
            kept = os.dup(1)
        except OSError:  # there is no stdout
            yield
            return
        try:
            with contextlib.suppress(OSError):  # there is no stderr
                os.dup2(2, 1)
            yield
        finally:
            _flush()
            os.dup2(kept, 1)
            os.close(kept)


def _flush() -> None:
    """Write out what Python's own stdout holds, for the descriptor that it is meant for."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
        sys.__stdout__.flush()  # type: ignore[union-attr]
