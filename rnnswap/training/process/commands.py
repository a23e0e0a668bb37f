"""What a command starts, and how it starts the script of this run under the same settings.

`python train.py` becomes `python -m rnnswap train OPTIONS train.py`, whatever stands before it
(`env A=1`, `nohup`, `taskset`), and torchrun or `accelerate launch` run that instead of the script.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?t?(\.exe)?")
_LAUNCHERS = {"torchrun", "accelerate", "deepspeed", "srun", "mpirun", "mpiexec", "horovodrun"}
#: Launchers that take `-m MODULE` for a script, by command and by module.
_TAKING_MODULES = {"torchrun", "accelerate"}
_LAUNCHING_MODULES = {
    "torch.distributed.run",
    "torch.distributed.launch",
    "accelerate.commands.launch",
}
# Python processes that torch starts for itself.
_TORCHS_OWN = "torch._inductor", "torch/_inductor", "torch\\_inductor"
#: Python's options that take the next word where they end with their letter.
_TAKES_NEXT = "WX"


@dataclass(frozen=True, slots=True)
class Run:
    """The run of a script that a command may start once more.

    Args:
        script: The script's path, or the module's name.
        module: Whether it is a module's name.
        options: What `rnnswap` was given before it, `train` included.
        folder: Where the run was started.
    """

    script: str
    module: bool
    options: tuple[str, ...]
    folder: str

    def script_folder(self) -> str:
        """Return the folder that python puts first on sys.path for the script."""
        return self.folder if self.module else os.path.dirname(os.path.realpath(self._path))  # noqa: PTH120

    def again(self) -> tuple[str, ...]:
        """Return the words of a command that goes on in this run's place."""
        return self._with("--again")

    def for_child(self, folder: str) -> tuple[str, ...]:
        """Return those of one that leaves what it does in `folder`, as children do."""
        return self._with("--child", folder)

    def is_script(self, word: str, folder: str) -> bool:
        """Return whether `word` means the script's file to a process that runs in `folder`."""
        if self.module:
            return False
        try:
            return Path(folder, word).samefile(self._path)
        except (OSError, ValueError):
            return False

    def is_module(self, name: str) -> bool:
        """Return whether `name` means the module."""
        return self.module and name.removesuffix(".__main__") == self.script.removesuffix(
            ".__main__"
        )

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, self.script)  # noqa: PTH118

    def _with(self, *more: str) -> tuple[str, ...]:
        options = [*self.options]
        end = options.index("--") if "--" in options else len(options)
        if "--child" in options or more[0] in options:
            more = ()
        return ("-m", "rnnswap", *options[:end], *more, *options[end:])


def words_of(command: Any) -> list[str]:
    """Return the words of what `subprocess.Popen` or `os.system` is given."""
    if isinstance(command, str | bytes | os.PathLike):
        text = os.fsdecode(command)
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()
    try:
        return [os.fsdecode(word) for word in command]
    except TypeError:
        return []


def rewritten(
    words: Sequence[str], run: Run, options: Sequence[str], folder: str, path: str | None = None
) -> list[str] | None:
    """Return a command that runs the script under `options`, None if it does not run the script.

    Args:
        words: The command.
        run: The script.
        options: What stands for the script, as `Run.again` and `Run.for_child` return it.
        folder: Where the command runs.
        path: PATH of its environment.
    """
    for start, word in enumerate(words):
        if _name(word) in _TAKING_MODULES:
            return _launched(words, start + 1, run, options, folder)
        if is_python(word):
            if not _is_this_python(word, path):
                return None
            return _interpreted(words, start + 1, run, options, folder)
    return None


def runs_python(words: Sequence[str]) -> bool:
    """Return whether a command runs a Python program of the user's, as far as can be seen."""
    if any(own in word for word in words for own in _TORCHS_OWN):
        return False
    # `bash -c 'python x.py'` has a command within a word.
    flat = [part for word in words for part in ([word] if " " not in word else word.split())]
    return any(
        is_python(word) or _name(word) in _LAUNCHERS or _is_script_file(word) for word in flat
    )


def is_python(word: str) -> bool:
    """Return whether a command's word is a Python interpreter."""
    return word == sys.executable or _PYTHON.fullmatch(_name(word)) is not None


def _interpreted(
    words: Sequence[str], start: int, run: Run, options: Sequence[str], folder: str
) -> list[str] | None:
    """Look through an interpreter's options for what it runs."""
    place = start
    while place < len(words):
        word = words[place]
        if not word.startswith("-") or word == "-":
            if run.is_script(word, folder):
                return [*words[:place], *options, *words[place:]]
            return None
        letters = "" if word.startswith("--") else word[1:]
        ends = next((n for n, letter in enumerate(letters) if letter in "cmWX"), None)
        if ends is not None and letters[ends] == "c":
            return None
        if ends is not None and letters[ends] == "m":
            flags = [f"-{letters[:ends]}"] if ends else []
            rest = letters[ends + 1 :]
            name = [rest] if rest else [*words[place + 1 : place + 2]]
            behind = place + (1 if rest else 2)
            if name and name[0] in _LAUNCHING_MODULES:
                return _launched(words, behind, run, options, folder)
            if name and run.is_module(name[0]):
                return [*words[:place], *flags, *options, *name, *words[behind:]]
            return None
        takes_next = word == "--check-hash-based-pycs" or (
            ends is not None and letters[ends] in _TAKES_NEXT and ends == len(letters) - 1
        )
        place += 2 if takes_next else 1
    return None


def _launched(
    words: Sequence[str], start: int, run: Run, options: Sequence[str], folder: str
) -> list[str] | None:
    """Look among a launcher's words for the script; `-m` before it lets it launch a module."""
    for place in range(start, len(words)):
        if words[place] in ("-m", "--module"):
            if run.is_module("".join(words[place + 1 : place + 2])):
                return [*words[:place], *options, *words[place + 1 :]]
            return None
        if words[place] in ("--no-python", "--no_python"):
            return None
        if run.is_script(words[place], folder):
            return [*words[:place], *options, *words[place:]]
    return None


def _is_this_python(word: str, path: str | None) -> bool:
    """Return whether an interpreter is that of this environment: others may lack what is needed."""
    found = shutil.which(word, path=path)
    return found is not None and _folder(found) == _folder(sys.executable)


def _is_script_file(word: str) -> bool:
    return word.endswith((".py", ".pyc")) and os.path.isfile(word)  # noqa: PTH113


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120


def _name(word: str) -> str:
    return os.path.basename(word)  # noqa: PTH119


def path_of(environ: Mapping[Any, Any] | None) -> str | None:
    """Return PATH of a command's environment; None for this process's."""
    if environ is None:
        return None
    return next((os.fsdecode(v) for k, v in environ.items() if os.fsdecode(k) == "PATH"), None)
