"""Watches how a script starts processes by commands, and what it replaces itself by.

What starts the script once more is started under the settings of this run (`commands`). What else
runs Python is counted; a process of a distributed training that is not reached is named at once,
as its replicas would drift apart from those that are clipped or swapped.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from rnnswap._wrapping import wrap
from rnnswap.training.process import commands
from rnnswap.training.process.ranks import rank

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rnnswap.training.process.children import Children
    from rnnswap.training.process.commands import Run

_EXECUTE = ("execv", "execve")
_SPAWN = ("posix_spawn", "posix_spawnp")
#: Popen's arguments after the first, in their order.
_POPEN = (
    "bufsize",
    "executable",
    "stdin",
    "stdout",
    "stderr",
    "preexec_fn",
    "close_fds",
    "shell",
    "cwd",
    "env",
)


class Starting:
    """Replaces the functions of `os` and `subprocess` that start commands.

    Args:
        children: Counts what was started.
        run: What a command may start once more; None if that is not known.
    """

    def __init__(self, children: Children, run: Run | None) -> None:
        self._children, self._run = children, run

    def replace(self) -> Iterable[Callable[[], None]]:
        """Replace those of `os`; yield what puts each back."""
        for name in _EXECUTE:
            yield wrap(os, name, self._executing)
        for name in _SPAWN:
            if hasattr(os, name):
                yield wrap(os, name, self._spawning)
        yield wrap(os, "system", self._through_a_shell)

    def popen(self, subprocess: types.ModuleType) -> Callable[[], None]:
        """Replace `Popen`'s constructor; return what puts it back."""
        return wrap(subprocess.Popen, "__init__", self._opening)

    def _opening(self, original: Callable[..., None]) -> Callable[..., None]:
        def __init__(popen: Any, args: Any, *rest: Any, **options: Any) -> None:  # noqa: N807
            given = {**dict(zip(_POPEN, rest, strict=False)), **options}
            words, env = commands.words_of(args), given.get("env")
            if words and given.get("executable") is not None:
                words[0] = os.fsdecode(given["executable"])
            again = None
            if not _is_text(args) and not given.get("shell"):
                again = self._as_child(words, os.fsdecode(given.get("cwd") or "."), env)
            if again is not None:
                original(popen, [words[0], *again[1:]], *rest, **options)
                self._count_reached(words)
                return
            original(popen, args, *rest, **options)
            self._count(words, env)

        return __init__

    def _spawning(self, original: Callable[..., int]) -> Callable[..., int]:
        def spawn(path: Any, argv: Any, env: Any, *rest: Any, **options: Any) -> int:
            words = [os.fsdecode(path), *commands.words_of(argv)[1:]]
            again = self._as_child(words, ".", env)
            if again is not None:
                process = original(path, [argv[0], *again[1:]], env, *rest, **options)
                self._count_reached(words)
                return process
            process = original(path, argv, env, *rest, **options)
            self._count(words, env)
            return process

        return spawn

    def _through_a_shell(self, original: Callable[[Any], int]) -> Callable[[Any], int]:
        def system(command: Any) -> int:
            code = original(command)
            self._count(commands.words_of(command), None)
            return code

        return system

    def _executing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def execute(path: Any, argv: Any, *env: Any) -> Any:
            # os.execvp and its like try one folder after the other.
            if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
                argv = self._before_execution(path, argv, *env)
            return original(path, argv, *env)

        return execute

    def _before_execution(self, path: Any, argv: Any, env: Any = None) -> Any:
        """Return the arguments of what takes this process's place."""
        words = [os.fsdecode(path), *commands.words_of(argv)[1:]]
        is_child = self._children.is_child
        with contextlib.suppress(Exception):
            self._children.flush()
        if self._run is not None:
            folder = str(self._children.folder)
            options = self._run.for_child(folder) if is_child else self._run.again()
            again = commands.rewritten(words, self._run, options, ".", commands.path_of(env))
            if again is not None:
                return [argv[0], *again[1:]]
        if not is_child:
            _say(f"the script goes on as {_shown(words)}, which runs without swap and clipping")
        elif commands.runs_python(words):
            self._children.count_unreached()
        return argv

    def _as_child(
        self, words: Sequence[str], folder: str, env: Mapping[Any, Any] | None
    ) -> list[str] | None:
        if self._run is None or not words:
            return None
        options = self._run.for_child(str(self._children.folder))
        return commands.rewritten(words, self._run, options, folder, commands.path_of(env))

    def _count_reached(self, words: Sequence[str]) -> None:
        # How many processes a launcher starts is its own business.
        if commands.is_python(words[0]):
            self._children.count_reached()

    def _count(self, words: Sequence[str], env: Mapping[Any, Any] | None) -> None:
        if not commands.runs_python(words):
            return
        self._children.count_unreached()
        number = _rank_in(env)
        if number is not None and number != rank(os.environ):
            _say(
                f"process {number} of this training was started by {_shown(words)}: it runs "
                "without swap and clipping, unlike process 0; start the script by "
                "`torchrun -m rnnswap train`"
            )


def _rank_in(env: Mapping[Any, Any] | None) -> int | None:
    if env is None:
        return None
    return rank({os.fsdecode(name): os.fsdecode(value) for name, value in env.items()})


def _is_text(command: Any) -> bool:
    return isinstance(command, str | bytes | os.PathLike)


def _shown(words: Sequence[str]) -> str:
    text = shlex.join(words)
    return f"`{text}`" if len(text) <= 100 else f"`{text[:100]}...`"


def _say(sentence: str) -> None:
    """Print a line at once; what the script did to its streams does not matter."""
    with contextlib.suppress(Exception):
        sys.stderr.write(f"rnnswap: {sentence}\n")
        sys.stderr.flush()
