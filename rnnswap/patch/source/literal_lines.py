"""Edits a notebook's source as JSON, line by line: what does not change keeps its bytes."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import NamedTuple

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LINE_FEEDS = ("\\n", "\\u000a", "\\u000A")
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)


class _Line(NamedTuple):
    """A line of source, its ending included.

    Args:
        raw: As it is written in JSON, without quotes.
        element: The index of the string that it is from, or None if it is new.
        offset: Where it begins in the value.
    """

    raw: str
    element: int | None
    offset: int = 0


def starts_of_lines(value: str) -> list[int]:
    """Return where in the JSON of a string or an array of strings each line of source begins."""
    return [line.offset for line in _lines(value)] or [0]


def edited(value: str, source: str, *, ascii_only: bool) -> str:
    """Return the JSON of a string or an array of strings changed so that it says `source`.

    Args:
        value: The JSON.
        source: What it is to say.
        ascii_only: Whether new lines are written in ASCII alone.
    """
    old = _lines(value)
    before = [json.loads(f'"{line.raw}"') for line in old]
    after = re.findall(r"[^\n]*\n|[^\n]+", source)
    lines: list[_Line] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            lines += old[start:end]
        else:
            new = (json.dumps(t, ensure_ascii=ascii_only)[1:-1] for t in after[new_start:new_end])
            lines += [_Line(raw, None) for raw in new]
    if value.startswith('"'):
        return '"' + "".join(line.raw for line in lines) + '"'
    return _array(value, old, lines)


def _lines(value: str) -> list[_Line]:
    lines = []
    for element, literal in enumerate(_LITERAL.finditer(value)):
        start, end = literal.start() + 1, literal.end() - 1
        for escape in _ESCAPE.finditer(value, start, end):
            if escape.group() in _LINE_FEEDS:
                lines.append(_Line(value[start : escape.end()], element, start))
                start = escape.end()
        if start < end:
            lines.append(_Line(value[start:end], element, start))
    return lines


def _array(value: str, old: list[_Line], lines: list[_Line]) -> str:
    """Return an array of strings that hold `lines`, laid out as the array `value`."""
    literals = list(_LITERAL.finditer(value))
    before = value[: literals[0].start()]
    after = value[literals[-1].end() :]
    gaps = [value[a.end() : b.start()] for a, b in pairwise(literals)]
    usual = gaps[0] if gaps else f",{before[1:]}" if "\n" in before else ", "
    parts = [before]
    for index, (element, text) in enumerate(_strings(old, lines)):
        if index:
            parts.append(gaps[element - 1] if element else usual)
        parts.append(f'"{text}"')
    return "".join([*parts, after])


def _strings(old: list[_Line], lines: list[_Line]) -> Iterator[tuple[int | None, str]]:
    """Yield the strings of the new array: a former one whole if all its lines stay, else lines."""
    for element, group in groupby(lines, key=lambda line: line.element):
        texts = [line.raw for line in group]
        if element is not None and texts == [line.raw for line in old if line.element == element]:
            yield element, "".join(texts)
        else:
            yield from ((None, text) for text in texts)
