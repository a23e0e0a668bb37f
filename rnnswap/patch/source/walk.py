"""Walks folders for Python files and notebooks, and looks for words in files without parsing them.

Nothing here makes an object for a file: a tree of ten thousand is read in a tenth of a second.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.files import explain

if TYPE_CHECKING:
    from rnnswap.patch.source.ignored import Rules

#: What is taken from a folder; a file that is named may be called anything.
SUFFIXES = (".py", ".pyi", ".ipynb")
#: Folders that hold no source of the user's own. Those of virtual environments are told by content.
SKIPPED = frozenset(
    {
        *(".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".jj", ".mypy_cache", ".nox"),
        *(".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", "__pycache__"),
        *("__pypackages__", "_build", "build", "dist", "node_modules", "site-packages"),
    }
)
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_IGNORE_FILE = ".gitignore"

# What is read at a time: all but the largest source files whole.
_BLOCK = 1 << 18
_HAS_READV = hasattr(os, "readv")
# Without waiting, should a named pipe have come into the place of a file.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class _Folder:
    """What a folder holds.

    Attributes:
        files: Names of Python files and notebooks.
        folders: Names of folders that may hold some.
        others: Names that should be files' and are not.
        links: How many symbolic links may lead to source.
        ignore_file: Whether it has rules of its own on what git ignores.
        environment: Whether it is a virtual environment.
    """

    def __init__(self, path: str) -> None:
        self.files: list[str] = []
        self.folders: list[str] = []
        self.others: list[str] = []
        self.links = 0
        self.ignore_file = self.environment = False
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    self._take(entry)
        except OSError as error:
            raise _unreadable(path, error) from error

    def _take(self, entry: os.DirEntry[str]) -> None:
        name = entry.name
        source = name.endswith(SUFFIXES)
        if source and entry.is_file(follow_symlinks=False):
            self.files.append(name)
        elif entry.is_dir(follow_symlinks=False):
            if name not in SKIPPED:
                self.folders.append(name)
            self.environment = self.environment or name in _ENVIRONMENT
        elif entry.is_symlink():
            self.links += source or _leads_to_folder(entry)
        elif source:
            self.others.append(name)
        elif name == _IGNORE_FILE:
            self.ignore_file = entry.is_file()
        elif name in _ENVIRONMENT:
            self.environment = True


class Walk:
    """The Python files and notebooks below a folder, in the order of their names.

    Symbolic links are not followed (`links` counts those that might have led to source), nor are
    folders entered that hold a virtual environment, build products or version control. `cut` is
    the length of what all paths begin with.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.links = 0
        self._start = "" if root in (os.curdir, os.curdir + os.sep) else _as_prefix(root)
        self.cut = len(self._start)

    def __iter__(self) -> Iterator[str | RewriteError]:
        """Yield paths, as the user would write them, and errors for what cannot be read."""
        try:
            todo = [(self._start, _rules_above(self.root, self.cut))]
        except RewriteError as error:
            yield error
            return
        while todo:
            prefix, rules = todo.pop()
            try:
                folder = _Folder(prefix or os.curdir)
                if folder.environment and prefix != self._start:
                    continue
                if folder.ignore_file:
                    from rnnswap.patch.source.ignored import Rules

                    rules = Rules.below(prefix, rules)
            except RewriteError as error:
                # What it ignores must not be touched: without its rules a folder is not entered.
                yield error
                continue
            self.links += folder.links
            files, folders = sorted(folder.files + folder.others), sorted(folder.folders)
            if rules is not None:
                files = [name for name in files if not rules.ignore_file(prefix + name)]
                folders = [name for name in folders if not rules.ignore_folder(prefix + name)]
            for name in files:
                path = prefix + name
                yield _not_regular(path) if name in folder.others else path
            todo += [(prefix + name + os.sep, rules) for name in reversed(folders)]


def _not_regular(path: str) -> RewriteError:
    return RewriteError("is not a regular file", path, code=codes.UNREADABLE)


def _unreadable(path: str, error: OSError) -> RewriteError:
    return RewriteError(f"cannot be read: {explain(error)}", path, code=codes.UNREADABLE)


def mentions(path: str, wanted: Sequence[Sequence[bytes]]) -> bool:
    """Return whether a file holds all words of one of the groups in `wanted`.

    Raises:
        RewriteError: It cannot be read.
    """
    return looker(wanted)(path)


def looker(wanted: Sequence[Sequence[bytes]]) -> Callable[[str], bool]:
    """Return a function that says of a path whether its file holds all words of one of the groups.

    It reads the file once, and piece by piece if it is large, always into the same memory; it
    raises RewriteError if the file cannot be read.
    """
    block = bytearray(_BLOCK)
    find = block.find
    every = {word for group in wanted for word in group}
    # Groups that begin alike are asked for that word once.
    by_first: dict[bytes, list[Sequence[bytes]]] = {}
    for first, *rest in wanted:
        by_first.setdefault(first, []).append(rest)
    rests = list(by_first.items())

    def look(path: str) -> bool:
        try:
            descriptor = os.open(path, _FLAGS)
            try:
                count = _read_into(descriptor, block)
                if count == _BLOCK:
                    found = _words_in(descriptor, every, block)
                    return any(found.issuperset(group) for group in wanted)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unreadable(path, error) from error
        for first, others in rests:
            if find(first, 0, count) >= 0:
                for rest in others:
                    for word in rest:
                        if find(word, 0, count) < 0:
                            break
                    else:
                        return True
        return False

    return look


def _words_in(descriptor: int, words: set[bytes], block: bytearray) -> set[bytes]:
    """Return those of `words` that are in a file whose first piece fills `block`."""
    kept = max(map(len, words)) - 1
    count = len(block)
    found: set[bytes] = set()
    while True:
        found |= {word for word in words - found if block.find(word, 0, count) >= 0}
        # The end of this piece may be the beginning of a word.
        block[:kept] = block[count - kept : count]
        read = _read_into(descriptor, memoryview(block)[kept:])
        if not read or found == words:
            return found
        count = kept + read


def _read_into(descriptor: int, buffer: bytearray | memoryview) -> int:
    """Read once; return how many bytes came."""
    if _HAS_READV:
        return os.readv(descriptor, (buffer,))
    data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def _as_prefix(folder: str) -> str:
    return os.path.join(folder, "")  # noqa: PTH118  (a Path has no separator at its end)


def _leads_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a loop of links
        return False


def _rules_above(root: str, start: int) -> Rules | None:
    """Return the rules that stand above `root` in the same git repository.

    Raises:
        RewriteError: Some of them cannot be read.
    """
    here = Path(os.path.realpath(root))
    above: list[Path] = []
    for folder in (here, *here.parents):
        # By os.path, which takes what may not be looked at for missing.
        if folder != here and os.path.isfile(folder / _IGNORE_FILE):  # noqa: PTH113
            above.append(folder)
        if os.path.exists(folder / ".git"):  # noqa: PTH110
            break
    else:
        return None
    if not above:
        return None
    from rnnswap.patch.source.ignored import Rules

    return Rules.above(here, above, start)
