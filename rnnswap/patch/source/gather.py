"""From the paths a user names to the files that have to be worked on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from rnnswap.errors import RewriteError
from rnnswap.patch.source.work import STDIN, Item

#: After how many files of folders progress is told.
_STRIDE = 50


class Gathered:
    """The files that paths lead to: those named, and of folders those that may hold something.

    What counts up while it is iterated over:

    Args:
        paths: Files, folders, or `-` for standard input.
        wanted: Groups of words; a file in a folder that has all of no group is passed by.
        told: Called with the number of files done and of all of them, now and then.

    Attributes:
        passed: Files in folders that were read and passed by.
        links: Symbolic links in folders that were not followed.
        empty: Folders that hold no source.
    """

    def __init__(
        self,
        paths: Sequence[str],
        wanted: Sequence[Sequence[bytes]],
        told: Callable[[int, int], None] | None = None,
    ) -> None:
        self._paths = paths
        self._wanted = wanted
        self._told = told
        # Two paths may lead to one file, which two processes must not write at a time.
        self._seen: set[str] | None = set() if len(paths) > 1 else None
        self.passed = 0
        self.links = 0
        self.empty: list[str] = []

    def __iter__(self) -> Iterator[Item | RewriteError]:
        """Yield each file once, in the order of the paths and of the names in a folder."""
        entries: Iterable[str | Item | RewriteError] = self._entries()
        total = 0
        if self._told is not None:
            entries = list(entries)
            total = len(entries)
            self._told(0, total)
        for done, entry in enumerate(entries, 1):
            if not isinstance(entry, str):
                yield entry
            else:
                try:
                    if self._look(entry):
                        yield Item(entry, named=False)
                    else:
                        self.passed += 1
                except RewriteError as error:
                    yield error
            if self._told is not None and done % _STRIDE == 0:
                self._told(done, total)

    @cached_property
    def _look(self) -> Callable[[str], bool]:
        from rnnswap.patch.source.walk import looker

        return looker(self._wanted)

    def _entries(self) -> Iterator[str | Item | RewriteError]:
        """Yield items for what was named, and paths of files in folders."""
        for path in self._paths:
            if path != STDIN and os.path.isdir(path):  # noqa: PTH112  (a Path forgets "./")
                yield from self._of_folder(path)
            elif self._first_time(STDIN if path == STDIN else os.path.realpath(path)):
                yield Item(path, named=True)

    def _of_folder(self, folder: str) -> Iterator[str | RewriteError]:
        # Not needed for a file that is named.
        from rnnswap.patch.source.walk import Walk

        walk = Walk(folder)
        real = os.path.realpath(folder)
        count = 0
        for path in walk:
            count += 1
            if (
                isinstance(path, RewriteError)
                or self._seen is None
                or self._first_time(os.path.join(real, path[walk.cut :]))  # noqa: PTH118
            ):
                yield path
        self.links += walk.links
        if count == 0:
            self.empty.append(folder)

    def _first_time(self, real_path: str) -> bool:
        if self._seen is None:
            return True
        known = len(self._seen)
        self._seen.add(real_path)
        return len(self._seen) > known
