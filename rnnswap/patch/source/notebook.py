"""Notebooks: their code cells as one module, and back without touching any other byte."""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.documents import Place
from rnnswap.patch.source.literal_lines import edited, starts_of_lines
from rnnswap.patch.source.magics import Masked, mask, unmask

# Where a line begins that is not empty.
_LINE_START = re.compile(r"^(?=[^\r\n])", re.MULTILINE)
_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class _Cell(NamedTuple):
    """A code cell.

    Args:
        number: Among all cells of the notebook, from 1.
        source: Its source.
        start: Where its source begins in the file's text.
        end: Where it ends.
        masked: The source as Python, without `indent`.
        line: The line of the joined text that its first line is.
        indent: What stands before each of its lines; IPython takes it away.
    """

    number: int
    source: str
    start: int
    end: int
    masked: Masked
    line: int
    indent: str


class Notebook(NamedTuple):
    """A notebook, as the module that its code cells make up.

    Args:
        path: Where it is from, for messages.
        raw: The file's text.
        text: The code cells, each behind a comment that carries its number.
        mark: What those comments begin with.
        cells: The code cells that are Python.
    """

    path: str
    raw: str
    text: str
    mark: str
    cells: tuple[_Cell, ...]

    @property
    def encoding(self) -> str:
        """Return the encoding that the format prescribes."""
        return "utf-8"

    def place(self, line: int, column: int) -> Place:
        """Return the cell and the line in it; for a masked line, where its original begins."""
        index = max(0, bisect_right([cell.line for cell in self.cells], line) - 1)
        cell = self.cells[index]
        inside = max(1, line - cell.line + 1)
        magic = inside in cell.masked.lines
        starts = starts_of_lines(self.raw[cell.start : cell.end])
        offset = cell.start + starts[min(inside, len(starts)) - 1]
        file_line = self.raw.count("\n", 0, offset) + 1
        column = (cell.masked.lines[inside] if magic else column) + len(cell.indent)
        return Place(inside, column, cell.number, file_line, magic)

    def with_text(self, text: str) -> bytes:
        """Return the file with the cells of `text`; whatever did not change keeps its bytes."""
        raw = self.raw
        sources = self._taken_apart(text)
        for cell, source in reversed(list(zip(self.cells, sources, strict=True))):
            if source != cell.source:
                value = edited(raw[cell.start : cell.end], source, ascii_only=self.raw.isascii())
                raw = raw[: cell.start] + value + raw[cell.end :]
        self._check(raw, sources)
        return raw.encode("utf-8")

    def _taken_apart(self, text: str) -> list[str]:
        first, *parts = re.split(rf"^# {self.mark} (\d+)\n", text, flags=re.MULTILINE)
        if [int(n) for n in parts[::2]] != [cell.number for cell in self.cells]:
            _refuse(self.path, "its cells could not be told apart afterwards")
        sources = []
        for cell, part in zip(self.cells, parts[1::2], strict=True):
            own = part if cell.masked.text.endswith("\n") else part.removesuffix("\n")
            try:
                plain = unmask(first + own, cell.masked.originals)
                sources.append(_LINE_START.sub(cell.indent, plain))
            except KeyError:
                _refuse(self.path, f"a magic in cell {cell.number} would change")
            first = ""
            magic = cell.source.partition("\n")[0]
            if magic.startswith("%%") and sources[-1].partition("\n")[0] != magic:
                _refuse(self.path, f"cell {cell.number} would not begin with its magic")
        return sources

    def _check(self, raw: str, sources: Sequence[str]) -> None:
        """Refuse a text that is not the old notebook with these sources."""
        wanted, got = json.loads(self.raw), json.loads(raw)
        for cell, source in zip(self.cells, sources, strict=True):
            wanted["cells"][cell.number - 1]["source"] = source
            got_cell = got["cells"][cell.number - 1]
            got_cell["source"] = "".join(got_cell["source"])
        if wanted != got:
            _refuse(self.path, "the result would differ outside the edits")


def read_notebook(data: bytes, path: str, words: Sequence[str]) -> Notebook:
    """Return what the bytes of a notebook hold.

    Args:
        data: The file.
        path: Where it is from, for messages.
        words: Names to look for in magics.

    Raises:
        RewriteError: They are not a notebook of format 4; says where.
    """
    if data.startswith(codecs.BOM_UTF8):
        reason = "cannot be parsed as a notebook: it starts with a byte order mark; save it without"
        raise RewriteError(reason, path, code=codes.UNPARSABLE)
    try:
        raw = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"cannot be decoded as utf-8: byte 0x{data[error.start]:02x} is not of it"
        raise RewriteError(reason, path, code=codes.UNDECODABLE) from error
    try:
        content = json.loads(raw)
    except json.JSONDecodeError as error:
        reason = f"cannot be parsed as a notebook: {error.msg}"
        raise RewriteError(
            reason, path, error.lineno, error.colno, code=codes.UNPARSABLE
        ) from error
    except (RecursionError, ValueError) as error:
        is_deep = isinstance(error, RecursionError)
        why = "it is nested too deeply" if is_deep else "a number in it is too long"
        reason = f"cannot be parsed as a notebook: {why}"
        raise RewriteError(reason, path, code=codes.UNPARSABLE) from error
    _check_format(content, path)
    words = [word for word in words if word.isidentifier()]
    mark = "rnnswap_cell"
    while mark in raw:
        mark += "_"
    found = _code_cells(raw, content) if _is_python(content) else ()
    return _joined(path, raw, mark, found, words)


def _joined(
    path: str,
    raw: str,
    mark: str,
    found: Iterable[tuple[int, str, int, int]],
    words: Sequence[str],
) -> Notebook:
    cells, parts, line = [], [], 1
    for number, source, start, end in found:
        indent = _indent_of(source)
        plain = re.sub(rf"^{indent}", "", source, flags=re.MULTILINE) if indent else source
        masked = mask(plain, words, f"{mark}_{number}") if source.strip() else None
        if masked is None:
            continue
        ending = "" if masked.text.endswith("\n") else "\n"
        part = f"# {mark} {number}\n{masked.text}{ending}"
        cells.append(_Cell(number, source, start, end, masked, line + 1, indent))
        parts.append(part)
        line += part.count("\n")
    return Notebook(path, raw, "".join(parts), mark, tuple(cells))


def _indent_of(source: str) -> str:
    """Return the indentation that all lines of a cell have, but for empty ones; nothing else."""
    indent = re.match(r"[ \t]*", source)
    assert indent is not None
    lines = [line for line in source.splitlines() if line]
    common = all(line.startswith(indent.group()) and line.strip() for line in lines)
    return indent.group() if common else ""


def _check_format(content: Any, path: str) -> None:
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        reason = "cannot be parsed as a notebook: it has no list of cells"
        if isinstance(content, dict) and "worksheets" in content:
            reason = "is a notebook of an old format; open and save it with Jupyter"
        raise RewriteError(reason, path, code=codes.UNPARSABLE)
    for number, cell in enumerate(content["cells"], 1):
        source = cell.get("source") if isinstance(cell, dict) else None
        lines = source if isinstance(source, list) else [source]
        if not all(isinstance(line, str) for line in lines):
            reason = f"cannot be parsed as a notebook: cell {number} has no source"
            raise RewriteError(reason, path, code=codes.UNPARSABLE)


def _is_python(content: dict[str, Any]) -> bool:
    """Return whether the kernel's language is Python, or nothing says which it is."""
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for table, key in (("kernelspec", "language"), ("language_info", "name")):
        entry = metadata.get(table)
        if isinstance(entry, dict) and isinstance(entry.get(key), str):
            return "python" in entry[key].lower()
    return True


def _code_cells(raw: str, content: dict[str, Any]) -> Iterator[tuple[int, str, int, int]]:
    """Yield number, source, start and end of the source's value for each code cell."""
    (start,) = [at for key, at, _ in _members(raw, _skip(raw, 0)) if key == "cells"][-1:]
    for number, ((at, _), cell) in enumerate(
        zip(_elements(raw, start), content["cells"], strict=True), 1
    ):
        if cell.get("cell_type") == "code":
            *_, (value, end) = [(s, e) for key, s, e in _members(raw, at) if key == "source"]
            yield number, "".join(cell["source"]), value, end


def _skip(raw: str, at: int) -> int:
    blank = _BLANK.match(raw, at)
    assert blank is not None
    return blank.end()


def _members(raw: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, start and end of the value for each member of the object that begins at `at`."""
    at = _skip(raw, at + 1)
    while raw[at] != "}":
        key, at = _DECODER.raw_decode(raw, at)
        start = _skip(raw, _skip(raw, at) + 1)
        _, end = _DECODER.raw_decode(raw, start)
        yield key, start, end
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _elements(raw: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each element of the array that begins at `at`."""
    at = _skip(raw, at + 1)
    while raw[at] != "]":
        _, end = _DECODER.raw_decode(raw, at)
        yield at, end
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _refuse(path: str, reason: str) -> NoReturn:
    raise RewriteError(f"{reason}; left as it is", path, code=codes.NOT_EQUIVALENT)
