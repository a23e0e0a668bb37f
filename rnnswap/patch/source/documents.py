"""What a file holds, as text to rewrite: a Python module, or a notebook's code cells as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rnnswap.patch.source.files import decode


class Place(NamedTuple):
    """Where something stands, by line and column from 1; in a notebook, in a cell.

    Args:
        line: Line of the module, or of the cell.
        column: Column, in characters.
        cell: Number of the cell among all of the notebook's, from 1; None in a module.
        file_line: Line of the file as it is on disk.
        magic: Whether it is a notebook's magic that stands there.
    """

    line: int
    column: int
    cell: int | None = None
    file_line: int = 1
    magic: bool = False

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}"
        return place if self.cell is None else f"cell {self.cell}:{place}"


class Document(Protocol):
    """A file's content, taken apart."""

    @property
    def text(self) -> str:
        """Return the Python source in it."""

    @property
    def encoding(self) -> str:
        """Return how the file is encoded."""

    def place(self, line: int, column: int) -> Place:
        """Return what a place in `text` is for the user."""

    def with_text(self, text: str) -> bytes:
        """Return the file's bytes with `text` in the place of its source, all else the same.

        Raises:
            RewriteError: The text cannot be taken apart as it was put together.
        """


class Module(NamedTuple):
    """A Python file: its text, with line endings and byte order mark, and its encoding."""

    text: str
    encoding: str

    def place(self, line: int, column: int) -> Place:
        """Return the place itself."""
        return Place(line, column, None, line)

    def with_text(self, text: str) -> bytes:
        """Return the text, encoded as it was."""
        return text.encode(self.encoding)


def open_document(data: bytes, path: str, words: Sequence[str]) -> Document:
    """Return what the bytes of a file are: a notebook by its suffix or content, else a module.

    Args:
        data: The file.
        path: Where it is from.
        words: Names to look for in a notebook's magics.

    Raises:
        RewriteError: They are not of their encoding, or not what the suffix promises.
    """
    if path.endswith(".ipynb") or (data.lstrip()[:1] == b"{" and b'"nbformat"' in data):
        from rnnswap.patch.source.notebook import read_notebook

        return read_notebook(data, path, words)
    return Module(*decode(data, path))
