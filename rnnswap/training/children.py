"""Lets the processes that a script starts be swapped, clipped and recorded too.

A forked child has all that the parent has replaced; it begins a record of its own. A child of
multiprocessing's "spawn" or "forkserver" starts from nothing: with what it is told for a start it
is told to set up the same. What children did is read from the folder that they leave it in.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing.context
import multiprocessing.spawn
import multiprocessing.util
import os
import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnswap.clip._wrapping import wrap
from rnnswap.patch._runtime import Construction, LeftAlone
from rnnswap.training.folder import METRICS, write_page
from rnnswap.training.metrics import MetricsReader, MetricsWriter
from rnnswap.training.session import Session
from rnnswap.training.steps import Summary, Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rnnswap.training.settings import Settings
    from rnnswap.training.steps import Step

_CONSTRUCTED, _BEGUN = "constructed.json", "begun-"
# Workers of a DataLoader load data: there is nothing to swap or to clip in them.
_LOADER = "torch.utils.data."
# Python processes that torch starts for itself.
_TORCHS_OWN = "torch._inductor"
_active: Children | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """What a child process did, as far as it could tell."""

    summary: Summary
    swapped: list[Construction]
    left: list[LeftAlone]


class Children:
    """Reaches the children of this process while it is entered.

    Args:
        session: What is at work in this process.
        settings: What a child sets up.
        folder: Where children leave what they did; made by the first that does anything.
    """

    def __init__(self, session: Session, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self._session, self._settings = session, settings
        self._started = self._commands = 0
        self._lock = threading.Lock()
        self._undo: list[Callable[[], object]] = []
        self._record: _Record | None = None

    def __enter__(self) -> Children:
        global _active
        for name in ("SpawnProcess", "ForkServerProcess"):
            # Windows has no fork server.
            if (process := getattr(multiprocessing.context, name, None)) is not None:
                self._undo.append(_wrap_start(process, self._count))
        self._undo += [
            wrap(multiprocessing.spawn, "get_preparation_data", self._preparing),
            wrap(subprocess.Popen, "__init__", self._counting_commands),
        ]
        _active = self
        return self

    def __exit__(self, *exception: object) -> None:
        global _active
        _active = None
        while self._undo:
            self._undo.pop()()

    def unreached(self) -> list[str]:
        """Say in sentences which children ran without swap and clipping."""
        begun = len([*self.folder.glob(f"{_BEGUN}*")])
        return [
            *_sentence("spawned", self._started - begun),
            *_sentence("started by a Python command", self._commands),
        ]

    def collect(self) -> list[Child]:
        """Return what children did."""
        folders = sorted(path.parent for path in self.folder.glob(f"*/{METRICS}"))
        return [_read(folder) for folder in folders]

    def clear(self, *, keep: bool) -> None:
        """Remove what children left for this process alone; all of it unless `keep`."""
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        with contextlib.suppress(OSError):
            for word in self.folder.glob(f"{_BEGUN}*"):
                word.unlink()
            self.folder.rmdir()  # unless something is left

    def forked(self) -> None:
        """Begin a record of its own in a forked child."""
        self._lock, self._started, self._commands = threading.Lock(), 0, 0
        self.record()

    def record(self) -> None:
        """Record this process, which is a child."""
        self._record = _Record(self._session, self.folder)

    def begun(self) -> None:
        """Leave word that this process, which was spawned, is reached."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / f"{_BEGUN}{os.getpid()}").touch()

    def _count(self, process: Any) -> None:
        if not str(getattr(process._target, "__module__", "")).startswith(_LOADER):
            with self._lock:
                self._started += 1

    def _preparing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get_preparation_data(*args: Any, **kwargs: Any) -> Any:
            data = original(*args, **kwargs)
            path = data.get("sys_path", sys.path)
            return {**data, "rnnswap": _Begin(path, self._settings, self.folder)}

        return get_preparation_data

    def _counting_commands(self, original: Callable[..., None]) -> Callable[..., None]:
        def __init__(popen: Any, args: Any, *rest: Any, **options: Any) -> None:  # noqa: N807
            original(popen, args, *rest, **options)
            words = [str(w) for w in args] if isinstance(args, list | tuple) else str(args).split()
            if words and _is_python(words[0]) and not any(_TORCHS_OWN in w for w in words):
                with self._lock:
                    self._commands += 1

        return __init__


def begin(pickled: bytes) -> None:
    """Set up in a spawned child what its parent was asked for (called by what `_Begin` becomes)."""
    settings, folder = pickle.loads(pickled)
    session = Session(settings).__enter__()
    children = Children(session, settings, folder).__enter__()
    children.record()
    children.begun()


class _Begin:
    """Becomes, where it is unpickled, a call of `begin`.

    Pickled by a name of Python's own: the child finds ours only on the path that it is told here.
    Whatever goes wrong, the child goes on without; its parent then counts it as not reached.
    """

    def __init__(self, path: list[str], settings: Settings, folder: Path) -> None:
        self._code = (
            "try:\n"
            "    import sys\n"
            f"    sys.path = {path!r}\n"
            "    from rnnswap.training.children import begin\n"
            f"    begin({pickle.dumps((settings, folder))!r})\n"
            "except Exception:\n"
            "    pass\n"
        )

    def __reduce__(self) -> Any:
        return exec, (self._code, {})


class _Record:
    """What a child writes: its steps and constructions, early and often as it may be killed."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._process = os.getpid()
        self._folder = folder / str(self._process)
        self._writer: MetricsWriter | None = None
        if session.report is not None:
            session.report.swapped.clear()
            session.report.left.clear()
        session.recorder.restart(seconds=0.2)
        session.recorder.sink = self._write
        # Children of multiprocessing end without atexit, others without its finalizers.
        atexit.register(self.finish)
        multiprocessing.util.register_after_fork(self, _Record._finish_with_multiprocessing)

    def finish(self) -> None:
        """Write what is not yet written."""
        if os.getpid() == self._process:
            with contextlib.suppress(Exception):
                self._session.recorder.flush()
                report = self._session.report
                if report is not None and (report.swapped or report.left):
                    self._write([])

    def _finish_with_multiprocessing(self) -> None:
        multiprocessing.util.Finalize(None, self.finish, exitpriority=0)

    def _write(self, steps: Iterable[Step]) -> None:
        report = self._session.report
        with contextlib.suppress(OSError):
            if self._writer is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._writer = MetricsWriter(self._folder / METRICS)
            self._writer.write(steps)
            if report is not None:
                found = {
                    "swapped": [asdict(layer) for layer in report.swapped],
                    "left": [asdict(layer) for layer in report.left],
                }
                write_page(self._folder / _CONSTRUCTED, json.dumps(found))


def _read(folder: Path) -> Child:
    totals, seconds = Totals(), 0.0
    for step in MetricsReader(folder / METRICS):
        totals.add(step)
        seconds = step.time
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / _CONSTRUCTED).read_bytes())
    return Child(
        totals.summary(seconds),
        [Construction(**layer) for layer in found.get("swapped", ())],
        [LeftAlone(**layer) for layer in found.get("left", ())],
    )


def _wrap_start(process: Any, count: Callable[[Any], None]) -> Callable[[], None]:
    """Call `count` with each process of a class that could be started; return the end of it."""
    original = process.__dict__["_Popen"]
    start = process._Popen

    def _Popen(started: Any) -> Any:  # noqa: N802  (the name it replaces)
        child = start(started)
        count(started)
        return child

    wrapper = staticmethod(_Popen)

    def undo() -> None:
        # Whoever wrapped it meanwhile keeps their wrapper, and through it ours.
        if process.__dict__["_Popen"] is wrapper:
            process._Popen = original

    process._Popen = wrapper
    return undo


def _sentence(how: str, count: int) -> list[str]:
    if count <= 0:
        return []
    if count == 1:
        return [f"1 child process was {how}: it runs without swap and clipping"]
    return [f"{count} child processes were {how}: they run without swap and clipping"]


def _is_python(word: str) -> bool:
    return word == sys.executable or os.path.basename(word).startswith("python")  # noqa: PTH119


def _after_fork() -> None:
    if _active is not None:
        _active.forked()


if hasattr(os, "register_at_fork"):
    # For good: what is registered cannot be taken back.
    os.register_at_fork(after_in_child=_after_fork)
