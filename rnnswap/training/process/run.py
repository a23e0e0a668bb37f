"""Runs a script as `python SCRIPT ARGS` would. Imports no torch."""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import signal
import sys
import threading
import traceback
import types
from typing import TYPE_CHECKING, NoReturn

from rnnswap.errors import ScriptError
from rnnswap.training.process import on_import

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rnnswap.training.process.stopping import Stopping

#: Returned where python would die of Ctrl-C's signal; as in subprocess, which numbers them so.
INTERRUPTED = -int(signal.SIGINT)
_IMPORTLIB = "<frozen importlib."
#: So long threads may go on after the script was ended from within.
_PATIENCE_SECONDS = 5.0

# Between the script and torch; the cells' and attentions' frames stay, as any layer's would.
_HIDDEN_PACKAGES = (
    "rnnswap.clip.",
    "rnnswap.cli.",
    "rnnswap.patch.",
    "rnnswap.policy_text.",
    "rnnswap.training.",
)


def read_script(path: str) -> bytes:
    """Return the source of the script at `path`.

    Raises:
        ScriptError: There is no such file, or it cannot be read.
    """
    try:
        with io.open_code(path) as file:
            return file.read()
    except FileNotFoundError:
        raise ScriptError(f"script {path!r} does not exist") from None
    except IsADirectoryError:
        raise ScriptError(f"script {path!r} is a folder; name the file to run") from None
    except OSError as error:
        raise ScriptError(f"script {path!r} cannot be read: {error.strerror}") from error


def working_folder() -> str:
    """Return the absolute path of the working folder; empty if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return ""


def check_module(name: str) -> None:
    """See, without importing anything, that `python -m name` would find something to import.

    Raises:
        ScriptError: There is no such module or package in the working folder or on sys.path.
    """
    top = name.partition(".")[0]
    path = [working_folder(), *sys.path[1:]]
    if not top or not (
        top in sys.builtin_module_names or importlib.machinery.PathFinder.find_spec(top, path)
    ):
        hint = "; a file is run without -m" if name.endswith(".py") else ""
        raise ScriptError(f"module {name!r} does not exist here nor on sys.path{hint}")


def script_folder(script: str, *, module: bool) -> str:
    """Return the folder that python puts first on sys.path for a script, or for `-m module`."""
    return working_folder() if module else os.path.dirname(os.path.realpath(script))  # noqa: PTH120


def run_script(path: str, args: Sequence[str], stopping: Stopping | None = None) -> int:
    """Run the script at `path` as `__main__` and return the exit code python would end with.

    An uncaught exception is shown by `sys.excepthook`, without this package's frames. As python
    does, waits for the threads it started that are no daemons. argv, sys.path and `__main__` stay
    the script's afterwards, for what it left to run at exit.

    Args:
        path: The script, as given on the command line.
        args: What follows it there.
        stopping: What may end the script from within; its threads then have five seconds.

    Returns:
        The code; `INTERRUPTED` where python would die of the signal instead.

    Raises:
        ScriptError: The script cannot be read.
    """
    source = read_script(path)
    # As python makes it: absolute, but neither normalised nor resolved.
    file = os.path.join(working_folder(), path)  # noqa: PTH118
    loader = importlib.machinery.SourceFileLoader("__main__", file)
    sys.argv = [path, *args]
    if not sys.flags.safe_path:
        sys.path[0] = script_folder(path, module=False)
    module = _main_module(file, loader)
    return _run(lambda: compile(source, file, "exec", dont_inherit=True), module, stopping)


def run_module(name: str, args: Sequence[str], stopping: Stopping | None = None) -> int:
    """Run a module, or a package's `__main__`, as `python -m name` would; else as `run_script`.

    Args:
        name: Its dotted name.
        args: What follows it on the command line.
        stopping: As for `run_script`.
    """
    sys.argv = ["-m", *args]
    if not sys.flags.safe_path:
        sys.path[0] = script_folder(name, module=True)
    module = _main_module(None, None)

    def load() -> types.CodeType:
        spec, code = _module_code(name)
        sys.argv[0] = spec.origin or name
        module.__dict__.update(
            __cached__=spec.cached,
            __file__=spec.origin,
            __loader__=spec.loader,
            __package__=spec.parent,
            __spec__=spec,
        )
        return code

    return _run(load, module, stopping)


def _module_code(
    name: str, hint: str = ""
) -> tuple[importlib.machinery.ModuleSpec, types.CodeType]:
    """Find a module's code; what python says of one that is not there ends the script likewise."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SystemExit(
            f"{sys.executable}: Error while finding module specification for {name!r} "
            f"({type(error).__name__}: {error})"
        ) from error
    if spec is None:
        raise SystemExit(f"{sys.executable}: No module named {name}{hint}")
    if spec.submodule_search_locations is not None:
        if name.endswith(".__main__"):
            raise SystemExit(f"{sys.executable}: Cannot use package as __main__ module")
        hint = f"; {name!r} is a package and cannot be directly executed"
        return _module_code(f"{name}.__main__", hint)
    code = None
    if isinstance(spec.loader, importlib.abc.InspectLoader):
        code = spec.loader.get_code(spec.name)
    if code is None:
        raise SystemExit(f"{sys.executable}: No code object available for {name}")
    return spec, code


def _main_module(file: str | None, loader: object) -> types.ModuleType:
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __annotations__={},
        __builtins__=builtins,
        __cached__=None,
        __loader__=loader,
    )
    # Until a module is found there is none, as under python: `inspect` fails at a file of None.
    if file is not None:
        module.__dict__["__file__"] = file
    return module


def _run(
    load: Callable[[], types.CodeType], module: types.ModuleType, stopping: Stopping | None
) -> int:
    """Run what `load` returns in `module` until its last thread ends; return the exit code."""
    sys.modules["__main__"] = module
    if "__mp_main__" in sys.modules:
        # Of whoever imported multiprocessing, which gives the main module this second name: by it
        # come back the objects of spawned children.
        sys.modules["__mp_main__"] = module
    process, others = os.getpid(), threading.enumerate()
    code = _execute(load, module)
    code = _await_threads(code, others, stopping)
    if os.getpid() != process:
        # The script forked and this is the child: it ends here, the parent alone reports.
        end_as_python(code)
    return code


def end_as_python(code: int) -> NoReturn:
    """End the process with an exit code, or as python does after Ctrl-C (`INTERRUPTED`)."""
    if code == INTERRUPTED:
        # Uncaught, it makes python die of the signal, once everything else has been done. What
        # there is to read about it has been shown.
        sys.excepthook = _show_nothing
        raise KeyboardInterrupt
    sys.exit(code)


def _show_nothing(*_: object) -> None:
    """Stand for an excepthook."""


def _execute(load: Callable[[], types.CodeType], module: types.ModuleType) -> int:
    try:
        exec(load(), module.__dict__)
    except SystemExit as error:
        return _exit_code(error)
    except BaseException as error:
        return _show(error)
    return 0


def _await_threads(code: int, others: Sequence[threading.Thread], stopping: Stopping | None) -> int:
    """Wait for the script's threads, not for `others` nor daemons; return the exit code."""
    others = [*others, threading.current_thread()]
    if not _threads_left(others):
        return code
    # The interpreter's own way out, and not public: joining them hangs, for threads that live
    # as long as the main one and the idle ones of an executor are told to end only here, and
    # what atexit calls afterwards cannot choose the exit code. It happens once.
    shutdown: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    try:
        if stopping is not None and stopping.asked:
            waiting = threading.Thread(target=shutdown, daemon=True)
            waiting.start()
            waiting.join(_PATIENCE_SECONDS)
            stopping.outlasted_by = [thread.name for thread in _threads_left([*others, waiting])]
        else:
            shutdown()
    except KeyboardInterrupt as error:
        # What python says here, before it goes on to its end.
        sys.stderr.write(f"Exception ignored in: {threading!r}\n")
        _hide_own_frames(error, set())
        traceback.print_exception(error)
    return code


def _threads_left(others: Sequence[threading.Thread]) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if not t.daemon and t not in others]


def _show(error: BaseException) -> int:
    """Let `sys.excepthook` show what ended the script; return the exit code."""
    _hide_own_frames(error, set())
    swapping = sys.modules.get("rnnswap.patch._as_lstm")  # not loaded, nothing was swapped
    if swapping is not None:
        swapping.advise(error)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as wish:
        return _exit_code(wish)
    except Exception as broken:
        sys.__excepthook__(type(broken), broken, broken.__traceback__)
    return INTERRUPTED if type(error) is KeyboardInterrupt else 1


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    stream = sys.__stderr__ if sys.stderr is None else sys.stderr
    # As python does, which ends with 1 also where nobody can read why.
    with contextlib.suppress(Exception):
        print(error.code, file=stream)
    return 1


def _hide_own_frames(error: BaseException | None, seen: set[int]) -> None:
    """Take our frames out of the traceback of `error` and of every exception it is chained to."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _without_own_frames(error.__traceback__)
    for chained in (error.__cause__, error.__context__):
        _hide_own_frames(chained, seen)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            _hide_own_frames(member, seen)


def _without_own_frames(entry: types.TracebackType | None) -> types.TracebackType | None:
    kept: list[types.TracebackType] = []
    while entry is not None:
        module = str(entry.tb_frame.f_globals.get("__name__"))
        if not f"{module}.".startswith(_HIDDEN_PACKAGES):
            kept.append(entry)
        elif module == on_import.__name__:
            # The import system's own, which python would have left out but for ours in between.
            while kept and kept[-1].tb_frame.f_code.co_filename.startswith(_IMPORTLIB):
                kept.pop()
        entry = entry.tb_next
    if not kept:
        return None
    for this, following in zip(kept, [*kept[1:], None], strict=True):
        this.tb_next = following
    return kept[0]
