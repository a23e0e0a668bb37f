"""The rules of .gitignore files, by pathspec. Imported only where there is such a file."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from pathspec import GitIgnoreSpec

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.files import explain
from rnnswap.patch.source.walk import SUFFIXES

#: What a path is matched with, and whether a match means that it is ignored.
_Pattern = tuple[re.Pattern[str], bool]


class _Level(NamedTuple):
    """The rules of one file.

    Args:
        cut: Length of what is taken off a path's beginning, and
        lead: what is put there, to get it relative to the file's folder.
        folders: Patterns for folders.
        files: Those of them that can match the name of a file we would read.
    """

    cut: int
    lead: str
    folders: Sequence[_Pattern]
    files: Sequence[_Pattern]


class Rules(NamedTuple):
    """The rules that hold in a folder, the nearest first, as they override the others.

    A folder that is ignored is not entered, so its files are never asked about: that is git's own
    rule, by which nothing below such a folder can be taken back in.
    """

    levels: tuple[_Level, ...] = ()

    @classmethod
    def below(cls, prefix: str, outer: Rules | None) -> Self:
        """Return the rules in a folder that has a file of its own.

        Args:
            prefix: How paths in the folder begin.
            outer: The rules of the folder that holds it.

        Raises:
            RewriteError: The file cannot be read.
        """
        level = _read(Path(prefix or os.curdir), len(prefix), "")
        return cls((level, *(outer.levels if outer is not None else ())))

    @classmethod
    def above(cls, root: Path, folders: Iterable[Path], start: int) -> Self:
        """Return the rules of files in the parents of a folder.

        None of them hold if they ignore the folder itself: it was named, so it is meant.

        Args:
            root: The folder, absolute.
            folders: Those of its parents that have such a file, the nearest first.
            start: Length of how paths in the folder begin.
        """
        levels = [
            _read(folder, start, f"{root.relative_to(folder).as_posix()}/") for folder in folders
        ]
        if any(_ignored(level.folders, level.lead) for level in levels):
            return cls()
        return cls(tuple(levels))

    def ignore_file(self, path: str) -> bool:
        """Return whether a file with one of `SUFFIXES` is ignored; its folder is not."""
        for level in self.levels:
            if level.files:
                found = _ignored(level.files, _relative(level, path))
                if found is not None:
                    return found
        return False

    def ignore_folder(self, path: str) -> bool:
        """Return whether a folder is ignored; the one that holds it is not."""
        for level in self.levels:
            found = _ignored(level.folders, f"{_relative(level, path)}/")
            if found is not None:
                return found
        return False


def _relative(level: _Level, path: str) -> str:
    rest = path[level.cut :]
    return level.lead + (rest if os.sep == "/" else rest.replace(os.sep, "/"))


def _ignored(patterns: Sequence[_Pattern], path: str) -> bool | None:
    """Return what the last pattern that matches says, or None."""
    for regex, ignored in reversed(patterns):
        if regex.match(path):
            return ignored
    return None


def _read(folder: Path, cut: int, lead: str) -> _Level:
    path = folder / ".gitignore"
    try:
        lines = path.read_bytes().decode("utf-8-sig", "surrogateescape").splitlines()
    except OSError as error:
        reason = f"cannot be read: {explain(error)}"
        raise RewriteError(reason, str(path), code=codes.UNREADABLE) from error
    pairs = [(line, pattern) for line in lines for pattern in _patterns(line)]
    files = [pattern for line, pattern in pairs if _may_match_a_file(line)]
    return _Level(cut, lead, [pattern for _, pattern in pairs], files)


def _patterns(line: str) -> list[_Pattern]:
    """Return the patterns of one line: one, or none for a comment and for what git ignores too."""
    try:
        with warnings.catch_warnings():
            # Python doubts patterns such as [[a]; they mean to git what they mean to pathspec.
            warnings.simplefilter("ignore", FutureWarning)
            found = GitIgnoreSpec.from_lines([line]).patterns
    except (ValueError, re.error):
        return []
    return [(p.regex, bool(p.include)) for p in found if p.regex is not None]


def _may_match_a_file(line: str) -> bool:
    """Return False if no name with one of `SUFFIXES` can match, as of `*.pyc` or `build/`.

    Most lines of most .gitignore files are of that kind, and asking them of every file would cost
    more than reading it.
    """
    last = line.rstrip().rpartition("/")[2]
    tail = re.split(r"[*?\[\]\\]", last)[-1]
    return bool(last) and any(s.endswith(tail) or tail.endswith(s) for s in SUFFIXES)
