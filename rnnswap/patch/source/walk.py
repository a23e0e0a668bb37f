"""Walks folders for Python files and notebooks, and looks for words in files without parsing them.

Nothing here makes an object for a file: a tree of ten thousand is read in a tenth of a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.files import explain

#: What is taken from a folder; a file that is named may be called anything.
SUFFIXES = (".py", ".pyi", ".ipynb")
#: Folders that hold no source of the user's own. Those of virtual environments are told by content.
SKIPPED = frozenset(
    ".direnv .eggs .git .hg .ipynb_checkpoints .jj .mypy_cache .nox .pytest_cache .pytype "
    ".ruff_cache .svn .tox .venv __pycache__ __pypackages__ _build build dist node_modules "
    "site-packages".split()
)
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_IGNORE_FILE = ".gitignore"

_BLOCK = 1 << 18


class _Folder(NamedTuple):
    """What a folder holds: names of files, of folders, of neither, and what kind it is."""

    files: list[str]
    folders: list[str]
    others: list[str]
    links: int
    ignore_file: bool
    environment: bool


class Walk:
    """The Python files and notebooks below a folder, in the order of their names.

    Symbolic links are not followed (`links` counts those that might have led to source), nor are
    folders entered that hold a virtual environment, build products or version control.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.links = 0

    def __iter__(self) -> Iterator[str | RewriteError]:
        """Yield paths, as the user would write them, and errors for what cannot be read."""
        start = "" if self.root in ("", ".", os.curdir + os.sep) else os.path.join(self.root, "")
        rules = _rules_above(self.root)
        todo = [(start, rules)]
        while todo:
            prefix, rules = todo.pop()
            try:
                folder = _read_folder(prefix or os.curdir)
            except OSError as error:
                reason = f"cannot be read: {explain(error)}"
                yield RewriteError(reason, prefix or os.curdir, code=codes.UNREADABLE)
                continue
            if folder.environment and prefix != start:
                continue
            self.links += folder.links
            if folder.ignore_file:
                from rnnswap.patch.source.ignored import Rules

                rules = Rules.read(prefix or os.curdir, rules)
            files, folders = folder.files, folder.folders
            if rules is not None:
                files = [name for name in files if not rules.ignore_file(prefix + name)]
                folders = [name for name in folders if not rules.ignore_folder(prefix + name)]
            for name in folder.others:
                yield RewriteError("is not a regular file", prefix + name, code=codes.UNREADABLE)
            for name in sorted(files):
                yield prefix + name
            todo += [(prefix + name + os.sep, rules) for name in sorted(folders, reverse=True)]


def _read_folder(path: str) -> _Folder:
    files, folders, others = [], [], []
    links = 0
    ignore_file = environment = False
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            source = name.endswith(SUFFIXES)
            if source and entry.is_file(follow_symlinks=False):
                files.append(name)
            elif entry.is_dir(follow_symlinks=False):
                if name not in SKIPPED:
                    folders.append(name)
                environment = environment or name in _ENVIRONMENT
            elif entry.is_symlink():
                links += source or entry.is_dir()
            elif source:
                others.append(name)
            elif name == _IGNORE_FILE:
                ignore_file = True
            elif name in _ENVIRONMENT:
                environment = True
    return _Folder(files, folders, others, links, ignore_file, environment)
