"""Runs a stranger's import or hook so that neither output nor state of the process suffer.

Python code in one's own process cannot be confined: what replaces another library's functions or
ends the process at once (os._exit) acts. What happens by oversight, and can be undone, is undone.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnswap.errors import PluginError, in_one_line


class Contained:
    """Turns whatever is raised inside into a PluginError, and what is printed to stderr.

    Everything but Ctrl-C: a plugin that calls sys.exit() on import must not end the host, nor must
    exceptions that derive from BaseException alone. stdout belongs to the command's results, also
    where a child process or C code prints.

    Args:
        notes: Gets what was put back or is to be known, each in a sentence, whatever was raised.

    Raises:
        PluginError: Something was raised; says what, in one line.
    """

    # No generator of contextlib's: that cannot turn a StopIteration into a RuntimeError of ours.

    def __init__(self, notes: list[str] | None = None) -> None:
        self._notes = [] if notes is None else notes

    def __enter__(self) -> None:
        self._before = _State.now()
        _redirection.begin()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._notes += [*_redirection.end(), *self._before.put_back()]
        if error is not None and not isinstance(error, PluginError | KeyboardInterrupt):
            raise PluginError(in_one_line(error)) from error


@dataclass(frozen=True, slots=True)
class _State:
    """What of the process an import may not change."""

    folder: str | None
    path: list[str]
    depth: int
    excepthook: Any
    filters: list[Any]
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
            [*warnings.filters],
            frozenset(threading.enumerate()),
            "torch" in sys.modules,
        )

    def put_back(self) -> Iterator[str]:
        """Undo what changed, and say what that was."""
        if self.folder is not None and _folder() != self.folder:
            with contextlib.suppress(OSError):  # it may be gone
                os.chdir(self.folder)
            yield "changed the working directory, which was put back"
        now = sys.path if isinstance(sys.path, list) else []
        if lost := [place for place in self.path if place not in now]:
            sys.path = [*self.path, *(place for place in now if place not in self.path)]
            yield f"removed {len(lost)} entries of sys.path, which were put back"
        if sys.getrecursionlimit() < self.depth:
            sys.setrecursionlimit(self.depth)
            yield "lowered the recursion limit, which was put back"
        if not callable(sys.excepthook):
            sys.excepthook = self.excepthook
            yield "removed sys.excepthook, which was put back"
        if added := [f for f in warnings.filters if f[0] == "error" and f not in self.filters]:
            for entry in added:
                warnings.filters.remove(entry)  # type: ignore[attr-defined]
            yield "made errors of warnings, which was undone"
        yield from self._began()

    def _began(self) -> Iterator[str]:
        """Say what goes on and cannot be undone."""
        started = [t for t in threading.enumerate() if t not in self.threads and not t.daemon]
        if started:
            names = ", ".join(sorted(str(thread.name) for thread in started))
            yield f"left running, and every command waits for its end: {names}"
        if not self.torch and "torch" in sys.modules:
            yield "imports torch, for which every command that loads plugins waits"


def _folder() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:
        return None


class _Onto(io.RawIOBase):
    """Writes to a text stream that is not its own, and is never closed.

    A module that wraps sys.stdout.buffer in a stream of its own closes it when that is collected.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write UTF-8; where there is no stream, as without a console, nowhere."""
        data = bytes(data)
        if self._stream is not None:
            self._stream.write(data.decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        """Flush the stream."""
        if self._stream is not None:
            self._stream.flush()

    def fileno(self) -> int:
        """Return the stream's descriptor."""
        return int(self._stream.fileno())

    def close(self) -> None:
        """Do nothing."""


def _onto(stream: Any) -> io.TextIOWrapper:
    # As `python -u` makes its streams: straight through, so that the order of lines is kept.
    raw: Any = _Onto(stream)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="\n", write_through=True)


class _Redirection:
    """stdout sent to stderr, Python's and the descriptor that child processes and C code write to.

    Imports may be nested, and in several threads at once: the first redirects, the last undoes it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._streams: tuple[Any, Any] = (None, None)
        self._kept: dict[int, int] = {}

    def begin(self) -> None:
        """Redirect, unless it is done already."""
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            self._streams = sys.stdout, sys.stderr
            _flush()
            sys.stdout, sys.stderr = _onto(sys.stderr), _onto(sys.stderr)
            for descriptor in (1, 2):
                with contextlib.suppress(OSError):  # there is none
                    self._kept[descriptor] = os.dup(descriptor)
            if len(self._kept) == 2:
                os.dup2(2, 1)

    def end(self) -> list[str]:
        """Undo it, if nobody needs it any more, and say what could not be undone."""
        lost: list[str] = []
        with self._lock:
            self._inside -= 1
            if self._inside:
                return lost
            if len(self._kept) == 2:  # they may have been closed with something still held for them
                with contextlib.suppress(OSError):
                    os.dup2(self._kept[2], 1)
                    os.dup2(self._kept[2], 2)
            _flush()
            sys.stdout, sys.stderr = self._streams
            while self._kept:
                descriptor, copy = self._kept.popitem()
                try:
                    os.dup2(copy, descriptor)
                    os.close(copy)
                except OSError:
                    lost.append("closed files that it did not open; stdout may be lost")
        return lost[:1]


_redirection = _Redirection()


def _flush() -> None:
    """Write out what is held for stdout, by Python and by C's library, to where it is meant for."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
        sys.__stdout__.flush()  # type: ignore[union-attr]
    with contextlib.suppress(ImportError, AttributeError, OSError, TypeError):  # as on Windows
        import ctypes

        ctypes.CDLL(None).fflush(None)
