"""Unified diffs whose lines are bytes of the file, so that patch and git can apply them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator


def difference(path: str, old: str, new: str, encoding: str) -> bytes:
    """Return the unified diff between two texts of a file."""
    name = _quoted(path)
    lines = list(_marked(difflib.unified_diff(_lines(old), _lines(new), name, name)))
    header = "".join(lines[:2]).encode("utf-8", "surrogateescape")
    return header + "".join(lines[2:]).encode(encoding)


def _quoted(path: str) -> str:
    """Return a path as git writes it in a diff: in quotes if it would break the line."""
    if not re.search(r'[\0-\x1f"\\\x7f]', path):
        return path
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    spelled = (known.get(c, c if c.isprintable() else f"\\{ord(c):03o}") for c in path)
    return f'"{"".join(spelled)}"'


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as diff and patch do."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _marked(lines: Iterator[str]) -> Iterator[str]:
    """Mark a line without line feed as diff does, so that patch can apply it."""
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
