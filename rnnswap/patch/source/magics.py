"""Masks what IPython understands and Python does not: magics, shell lines, help.

Each statement of that kind is replaced by a call of a name that is nowhere else in the notebook,
on as many lines; unmasking puts the original back. A cell that is Python already stays as it is.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

#: Cell magics whose body runs as Python in the notebook's own namespace.
_PYTHON_BODIES = frozenset({"capture", "prun", "time", "timeit"})
#: Magics that run the Python behind them on their own line.
_RUNNERS = re.compile(r"%{1,2}(?:debug|lprun|memit|mprun|prun|time|timeit)\b")

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
# No statement of Python begins with one of these.
_ESCAPED = re.compile(r"[ \t]*[%!?/,;]")
_TARGET = r"\*?[A-Za-z_][\w.]*(?:\[[^\]\n]*\])*"
_ASSIGNED = re.compile(rf"[ \t]*{_TARGET}(?:[ \t]*,[ \t]*{_TARGET})*[ \t]*=[ \t]*(?=[%!])")
# Up to the end of the line, and of those that a backslash joins to it.
_LINE = re.compile(r"(?:[^\n]*\\\r?\n)*[^\n]*\n?")
# What may hold a line ending that ends no statement; the last alternative is any other character.
_TOKEN = re.compile(
    r"#[^\n]*|'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|\\\r?\n|[^#'\"\\\n()\[\]{}]+|.",
    re.DOTALL,
)
_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


class Masked(NamedTuple):
    """A cell as Python.

    Args:
        text: The cell, with a call of a mark for each statement that is not Python.
        originals: What is written there now -> what stood there.
        lines: The lines, from 1, on which those stand -> the column at which they begin.
    """

    text: str
    originals: dict[str, str] = {}  # noqa: RUF012  (never changed)
    lines: dict[int, int] = {}  # noqa: RUF012


def mask(cell: str, words: Sequence[str], mark: str) -> Masked | None:
    """Return a code cell with what is not Python masked; None if all of it is another language.

    Where a magic runs a statement that names one of `words`, the mask names it too, in an f-string:
    what is imported for it counts as used, and is reported as left.

    Args:
        cell: The source of the cell.
        words: Names to look for.
        mark: An identifier that is not in the notebook.
    """
    if is_python(cell):
        return Masked(cell)
    magic = _CELL_MAGIC.match(cell)
    if magic is not None and magic.group(1) not in _PYTHON_BODIES:
        return None
    parts: list[str] = []
    originals: dict[str, str] = {}
    lines: dict[int, int] = {}
    number = 1
    for statement, start in _statements(cell):
        if start is None:
            parts.append(statement)
        else:
            foreign = statement[start:].rstrip("\r\n")
            new = _mask_of(foreign, f"{mark}_{len(originals)}", words)
            originals[new] = foreign
            lines[number] = start + 1
            parts.append(statement[:start] + new + statement[start + len(foreign) :])
        number += statement.count("\n")
    return Masked("".join(parts), originals, lines)


def unmask(text: str, originals: dict[str, str]) -> str:
    """Return a masked text with its original statements.

    Raises:
        KeyError: One of them is not there, or not once.
    """
    for new, original in originals.items():
        if text.count(new) != 1:
            raise KeyError(new)
        text = text.replace(new, original)
    return text


def is_python(text: str) -> bool:
    """Return whether a text parses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _statements(cell: str) -> Iterator[tuple[str, int | None]]:
    """Yield statements with their line endings, and where in them what is not Python begins."""
    at = 0
    while at < len(cell):
        line = _LINE.match(cell, at)
        text = line.group() if line else ""
        start = _foreign_from(text)
        if start is None:
            end, asks = _end_of_statement(cell, at)
            text = cell[at:end]
            start = _indent(text) if asks else None
        yield text, start
        at += len(text)


def _foreign_from(line: str) -> int | None:
    """Return where on a line that begins a statement what is not Python begins, if anywhere."""
    if _ESCAPED.match(line):
        return _indent(line)
    assigned = _ASSIGNED.match(line)
    return assigned.end() if assigned else None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))


def _end_of_statement(cell: str, at: int) -> tuple[int, bool]:
    """Return where the statement ends that begins at `at`, and whether it asks for help."""
    depth = 0
    last = ""
    for token in _TOKEN.finditer(cell, at):
        text = token.group()
        depth = max(0, depth + _DEPTH.get(text, 0))
        if text == "\n" and depth == 0:
            return token.end(), _asks(last)
        last = text if text.strip() else last
    return len(cell), _asks(last)


def _asks(token: str) -> bool:
    return not token.startswith("#") and token.rstrip().endswith("?")


def _mask_of(foreign: str, name: str, words: Sequence[str]) -> str:
    """Return a call of `name` on as many lines as `foreign` has."""
    used: list[str] = []
    if _RUNNERS.match(foreign) or foreign.startswith("?") or foreign.rstrip().endswith("?"):
        names = "|".join(map(re.escape, words))
        chains = re.finditer(rf"(?<![\w.])(?:[A-Za-z_]\w*\.)*(?:{names})\b", foreign)
        used = [f"{{{chain.group()}}}" for chain in chains]
    argument = f'f"{"".join(used)}"' if used else ""
    return f"{name}({argument}" + "\n" * foreign.count("\n") + ")"
