"""Lets the processes that a script starts be swapped, clipped and recorded too.

A forked child has all that the parent has replaced; it begins a record of its own. A child of
multiprocessing's "spawn" or "forkserver" starts from nothing: with what it is told for a start it
is told to set up the same. A command that starts the script once more starts it under the same
settings. What children did is read from the folder that they leave it in.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnswap._wrapping import wrap
from rnnswap.training.process import child_record
from rnnswap.training.process.on_import import when_imported
from rnnswap.training.process.own_modules import OwnModules
from rnnswap.training.process.setup import Setup
from rnnswap.training.process.starting import Starting

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Collection

    from rnnswap.training.process.commands import Run
    from rnnswap.training.session import Session
    from rnnswap.training.settings import Settings

_BEGUN, _UNREACHED = "begun-", "unreached-"
# Workers of a DataLoader load data: there is nothing to swap or to clip in them.
_LOADER = "torch.utils.data."
_active: Children | None = None


class Children:
    """Reaches the children of this process while it is entered.

    Args:
        setup: What is set up in this process.
        settings: What a child sets up.
        folder: Where children leave what they did; made by the first that does anything.
        run: What a command may start once more; None if that is not known.
    """

    def __init__(
        self, setup: Setup, settings: Settings, folder: Path, run: Run | None = None
    ) -> None:
        self.folder = folder
        self.is_child = False
        self._setup, self._settings, self._run = setup, settings, run
        self._own_path = [*sys.path]
        self._started = self._commands = 0
        self._lock = threading.Lock()
        self._undo: list[Callable[[], object]] = []
        self._process = os.getpid()

    def __enter__(self) -> Children:
        global _active
        starting = Starting(self, self._run)
        for name, needed, replace in (
            ("multiprocessing.context", "SpawnProcess", self._counting_spawned),
            ("multiprocessing.spawn", "get_preparation_data", self._telling_spawned),
            ("subprocess", "Popen", starting.popen),
        ):
            self._when_imported(name, needed, replace)
        self._undo += starting.replace()
        _active = self
        return self

    def __exit__(self, *exception: object) -> None:
        global _active
        _active = None
        while self._undo:
            self._undo.pop()()

    def unreached(self) -> list[str]:
        """Say in sentences which children ran without swap and clipping."""
        begun, unreached = (len([*self.folder.glob(f"{w}*")]) for w in (_BEGUN, _UNREACHED))
        return [
            *_sentence("spawned", self._started - begun),
            *_sentence("started by a Python command", self._commands + unreached),
        ]

    def collect(self) -> list[child_record.Child]:
        """Return what children did."""
        return child_record.read_all(self.folder)

    def clear(self, *, keep: bool) -> None:
        """Remove what children left for this process alone; all of it unless `keep`."""
        if not self.folder.exists():
            return
        if not keep:
            import shutil

            shutil.rmtree(self.folder, ignore_errors=True)
            return
        with contextlib.suppress(OSError):
            for word in (*self.folder.glob(f"{_BEGUN}*"), *self.folder.glob(f"{_UNREACHED}*")):
                word.unlink()
            self.folder.rmdir()  # unless something is left

    def forked(self) -> None:
        """Begin a record of its own in a forked child."""
        self._lock, self._started, self._commands = threading.Lock(), 0, 0
        self._process = os.getpid()
        self.record()

    def record(self) -> None:
        """Record this process, which is a child."""
        was_child, self.is_child = self.is_child, True
        if self._setup.session is not None:
            child_record.begin(self._setup.session, self.folder)
        elif not was_child:
            self._setup.when_begun(self._record_begun)

    def begun(self) -> None:
        """Leave word that this process, which was spawned or started by a command, is reached."""
        self._leave_word(_BEGUN)

    def count_reached(self) -> None:
        """Count a process that is expected to leave word."""
        with self._lock:
            self._started += 1

    def count_unreached(self) -> None:
        """Count a process that nothing of this run is at work in."""
        if self.is_child and self._process == os.getpid():
            # Nobody asks this process.
            self._leave_word(_UNREACHED)
        with self._lock:
            self._commands += 1

    def flush(self) -> None:
        """Write what this process has recorded, which may be about to end."""
        if self._setup.session is not None:
            self._setup.session.recorder.flush()

    def _record_begun(self, session: Session) -> None:
        child_record.begin(session, self.folder)

    def _leave_word(self, word: str) -> None:
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / f"{word}{os.getpid()}").touch()

    def _when_imported(
        self, name: str, needed: str, replace: Callable[[types.ModuleType], Callable[[], object]]
    ) -> None:
        def act(module: types.ModuleType) -> None:
            # A script may have a module of that name, which lacks it.
            if hasattr(module, needed):
                self._undo.append(replace(module))

        self._undo.append(when_imported(name, act))

    def _counting_spawned(self, context: types.ModuleType) -> Callable[[], None]:
        undo = contextlib.ExitStack()
        for name in ("SpawnProcess", "ForkServerProcess"):
            # Windows has no fork server.
            if (process := getattr(context, name, None)) is not None:
                undo.callback(_wrap_start(process, self._count))
        return undo.close

    def _telling_spawned(self, spawn: types.ModuleType) -> Callable[[], None]:
        return wrap(spawn, "get_preparation_data", self._preparing)

    def _count(self, process: Any) -> None:
        if not str(getattr(process._target, "__module__", "")).startswith(_LOADER):
            self.count_reached()

    def _preparing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get_preparation_data(*args: Any, **kwargs: Any) -> Any:
            data = original(*args, **kwargs)
            told = (self._settings, self.folder, self._run)
            return {**data, "rnnswap": _Begin(self._own_path, told)}

        return get_preparation_data


def begin(pickled: bytes, before: Collection[str]) -> None:
    """Set up in a spawned child what its parent was asked for (called by what `_Begin` becomes).

    Args:
        pickled: Settings, folder and run of the parent's `Children`.
        before: The modules that were loaded before ours.
    """
    settings, folder, run = pickle.loads(pickled)
    own = OwnModules(before)
    setup = Setup(settings, own).__enter__()
    children = Children(setup, settings, folder, run).__enter__()
    children.record()
    children.begun()
    script = sys.path[0] if run is None else run.script_folder()
    own.put_aside(script)


class _Begin:
    """Becomes, where it is unpickled, a call of `begin`.

    Pickled by a name of Python's own: the child finds ours only on the path that it is told here.
    Whatever goes wrong, the child goes on without; its parent then counts it as not reached.
    """

    def __init__(self, path: list[str], told: tuple[object, ...]) -> None:
        self._code = (
            "try:\n"
            "    import sys\n"
            "    before = {*sys.modules}\n"
            f"    sys.path = {path!r}\n"
            "    from rnnswap.training.process.children import begin\n"
            f"    begin({pickle.dumps(told)!r}, before)\n"
            "except Exception:\n"
            "    pass\n"
        )

    def __reduce__(self) -> Any:
        return exec, (self._code, {})


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


def _after_fork() -> None:
    if _active is not None:
        _active.forked()


if hasattr(os, "register_at_fork"):
    # For good: what is registered cannot be taken back.
    os.register_at_fork(after_in_child=_after_fork)
