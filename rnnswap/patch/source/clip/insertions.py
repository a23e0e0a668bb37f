"""Puts statements into a text beside others, and checks that nothing else changed. Uses ast."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rnnswap.patch.source import check

_BLANK = re.compile(r"[ \t\f]*(#.*)?")


class Insertion(NamedTuple):
    """Statements that go before or after another.

    Args:
        anchor: The statement beside which they go.
        before: Whether they go before it.
        lines: Their source, a statement's own lines indented by one unit, `INDENT`.
    """

    anchor: ast.stmt
    before: bool
    lines: tuple[str, ...]


#: Stands for one unit of indentation at the start of an inserted line.
INDENT = "\t"


class Inserted(NamedTuple):
    """A text with statements put in.

    Args:
        text: The new text.
        whole: Numbers of the lines that are new, 1-based, in order.
        parts: (line in the old text, column, length) of what went into a line, 0-based columns.
        starts: (line, column) in the new text of each statement put in, columns 0-based.
    """

    text: str
    whole: tuple[int, ...] = ()
    parts: tuple[tuple[int, int, int], ...] = ()
    starts: frozenset[tuple[int, int]] = frozenset()

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Return where a place of the new text, 1-based, was in the old one."""
        old = line - sum(new < line for new in self.whole)
        shift = 0
        for _, start, length in sorted(part for part in self.parts if part[0] == old):
            if column - 1 >= start + shift + length:
                shift += length
        return old, column - shift


class Text:
    """The lines of a module's source, in which its tree's places are found.

    Args:
        text: The source.
        path: Where it is from, for messages.

    Raises:
        RewriteError: Its lines are not Python's: a carriage return stands alone.
    """

    def __init__(self, text: str, path: str) -> None:
        if re.search(r"\r(?!\n)", text):
            check.refuse(path, "has line endings that cannot be reproduced")
        self._text = text
        self.lines: list[str] = re.findall(r"[^\n]*\n|[^\n]+", text)
        ends = [re.search(r"\r?\n\Z", line) for line in self.lines]
        self._newline = next((end.group() for end in ends if end), "\n")
        self.unit = _indent_unit(self.lines)

    def is_alone(self, statement: ast.stmt, *, before: bool) -> bool:
        """Return whether a line before (or after) `statement` can hold something new."""
        first, start = statement.lineno - 1, self.column(statement.lineno, statement.col_offset)
        follows = first > 0 and self.lines[first - 1].rstrip("\r\n").endswith("\\")
        alone = not self.lines[first][:start].strip() and not follows
        if before:
            return alone
        return alone and _BLANK.fullmatch(self._after(statement).rstrip("\r\n")) is not None

    def with_insertions(self, insertions: list[Insertion]) -> Inserted:
        """Return the text with everything put in.

        What stands in a line with other statements gets its place there, so that such an
        insertion must be of simple statements.
        """
        new: dict[int, list[tuple[str, int | None]]] = {}
        parts: dict[int, list[tuple[int, str, list[int]]]] = {}
        for insertion in insertions:
            anchor = insertion.anchor
            if self.is_alone(anchor, before=insertion.before):
                line = anchor.lineno if insertion.before else (anchor.end_lineno or 0) + 1
                new.setdefault(line, []).extend(self._indented(insertion))
            elif insertion.before:
                column = self.column(anchor.lineno, anchor.col_offset)
                parts.setdefault(anchor.lineno, []).append((column, *_in_a_row(insertion)))
            else:
                end = anchor.end_lineno or 0
                column = self.column(end, anchor.end_col_offset or 0)
                parts.setdefault(end, []).append((column, *_in_a_row(insertion)))
        return self._built(new, parts)

    def _built(
        self,
        new: dict[int, list[tuple[str, int | None]]],
        parts: dict[int, list[tuple[int, str, list[int]]]],
    ) -> Inserted:
        result: list[str] = []
        whole: list[int] = []
        starts: set[tuple[int, int]] = set()
        for number in range(1, len(self.lines) + 2):
            for line, start in new.get(number, ()):
                text = line
                if result and not result[-1].endswith("\n"):
                    result[-1] += self._newline
                    text = line.rstrip("\r\n")
                result.append(text)
                whole.append(len(result))
                if start is not None:
                    starts.add((len(result), start))
            if number <= len(self.lines):
                line, shift = self.lines[number - 1], 0
                for column, text, offsets in sorted(parts.get(number, ())):
                    at = column + shift
                    line = line[:at] + text + line[at:]
                    starts |= {(len(result) + 1, at + offset) for offset in offsets}
                    shift += len(text)
                result.append(line)
        flat = [(n, column, len(t)) for n, found in parts.items() for column, t, _ in found]
        return Inserted("".join(result), tuple(whole), tuple(flat), frozenset(starts))

    def _indented(self, insertion: Insertion) -> list[tuple[str, int | None]]:
        """Return the lines, each with the column at which a statement put in starts in it."""
        anchor = insertion.anchor
        first = self.lines[anchor.lineno - 1]
        indent = first[: self.column(anchor.lineno, anchor.col_offset)]
        beside = first if insertion.before else self.lines[(anchor.end_lineno or 1) - 1]
        ending = re.search(r"\r?\n\Z", beside)
        newline = ending.group() if ending else self._newline
        return [
            (
                indent + line.replace(INDENT, self.unit) + newline,
                None if line.startswith(INDENT) else len(indent),
            )
            for line in insertion.lines
        ]

    def _after(self, statement: ast.stmt) -> str:
        line = statement.end_lineno or statement.lineno
        return self.lines[line - 1][self.column(line, statement.end_col_offset or 0) :]

    def spelled(self, node: ast.AST) -> str:
        """Return the source of `node` as it stands if that is in one line."""
        source = ast.get_source_segment(self._text, node)
        return source if source and "\n" not in source else ast.unparse(node)

    def column(self, line: int, offset: int) -> int:
        """Turn ast's column, in bytes, into one in characters; both 0-based."""
        head = self.lines[line - 1].encode("utf-8", "surrogatepass")[:offset]
        return len(head.decode("utf-8", "surrogatepass"))


def check_inserted(
    old_tree: ast.Module, old: str, result: Inserted, insertions: list[Insertion], path: str
) -> None:
    """Check that a new text is the old one with the insertions and nothing else.

    Args:
        old_tree: The tree of `old`; it is not changed.
        old: The text before.
        result: The text after.
        insertions: What was put in.
        path: Where the text is from, for messages.

    Raises:
        RewriteError: Something else differs too, or the new text does not parse.
    """
    tree = check.parse_result(result.text, path)
    pending = Counter(
        ast.dump(statement)
        for insertion in insertions
        for statement in ast.parse("\n".join(insertion.lines)).body
    )
    for dump in _taken_out(tree, result.starts, Text(result.text, path)):
        pending[dump] -= 1
    if any(pending.values()):
        check.refuse(path, "an insertion is not where it was meant to be")
    if ast.dump(tree) != ast.dump(old_tree):
        check.refuse(path, "the result would differ outside the insertions")
    check.check_comments(old, result.text, path)


def _taken_out(node: ast.AST, starts: frozenset[tuple[int, int]], text: Text) -> Iterator[str]:
    """Take the statements that start at some places out of a tree; yield what each is."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        kept = []
        for child in block:
            line = getattr(child, "lineno", 0)
            if line and (line, text.column(line, child.col_offset)) in starts:
                yield ast.dump(child)
            else:
                kept.append(child)
                yield from _taken_out(child, starts, text)
        block[:] = kept


def _in_a_row(insertion: Insertion) -> tuple[str, list[int]]:
    """Return simple statements as they stand in a line, and where in that each starts."""
    text, offsets = "", []
    for line in insertion.lines:
        offsets.append(len(text) if insertion.before else len(text) + 2)
        text += f"{line}; " if insertion.before else f"; {line}"
    return text, offsets


def _indent_unit(lines: list[str]) -> str:
    """Return the module's indentation: its first, else four spaces."""
    for line in lines:
        if line.startswith("\t"):
            return "\t"
        spaces = len(line) - len(line.lstrip(" "))
        if 0 < spaces <= 8 and line[spaces:].strip():
            return " " * spaces
    return "    "
