"""Carries import changes out in one body: a module, a block or a one-line suite. Imports libcst."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import libcst as cst

from rnnswap.patch.source.imports import Import, ImportChanges


def rebuild_block(
    changes: ImportChanges, original: cst.CSTNode, updated: cst.CSTNode
) -> cst.CSTNode:
    """Return a module or indented block with the changes made."""
    assert isinstance(original, cst.Module | cst.IndentedBlock)
    assert isinstance(updated, cst.Module | cst.IndentedBlock)
    # Statements that visiting removed or split do not occur: the editor keeps their number.
    pairs = list(zip(original.body, updated.body, strict=True))
    new: list[cst.BaseStatement] = []
    carried: list[cst.EmptyLine] = []
    touched = changes.body is original and bool(changes.additions)
    for index, (old, statement) in enumerate(pairs):
        if changes.body is original and changes.index == index:
            new += _added_lines(changes, pairs, index)
        kept: cst.BaseStatement | None = statement
        if isinstance(old, cst.SimpleStatementLine) and _is_touched(changes, old):
            assert isinstance(statement, cst.SimpleStatementLine)
            touched = True
            kept = _changed_line(changes, old, statement)
        if kept is None:
            carried += statement.leading_lines  # type: ignore[attr-defined]
            continue
        if carried and hasattr(kept, "leading_lines"):
            kept = kept.with_changes(leading_lines=[*carried, *kept.leading_lines])
            carried = []
        new.append(kept)
    if changes.body is original and changes.index >= len(pairs):
        new += _added_lines(changes, pairs, len(pairs))
    if not touched:
        return updated
    if not new and isinstance(updated, cst.IndentedBlock):
        new = [cst.SimpleStatementLine([cst.Pass()], leading_lines=carried)]
        carried = []
    return updated.with_changes(body=new, footer=[*carried, *updated.footer])


def rebuild_suite(
    changes: ImportChanges, original: cst.CSTNode, updated: cst.CSTNode
) -> cst.CSTNode:
    """Return a one-line suite with the changes made."""
    assert isinstance(original, cst.SimpleStatementSuite)
    assert isinstance(updated, cst.SimpleStatementSuite)
    if not _is_touched(changes, original):
        return updated
    small = _changed_small(changes, original.body, updated.body)
    return updated.with_changes(body=small or [cst.Pass()])


def _is_touched(
    changes: ImportChanges, line: cst.SimpleStatementLine | cst.SimpleStatementSuite
) -> bool:
    return any(removal.statement in line.body for removal in changes.removals)


def _changed_line(
    changes: ImportChanges, old: cst.SimpleStatementLine, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine | None:
    small = _changed_small(changes, old.body, line.body)
    return line.with_changes(body=small) if small else None


def _changed_small(
    changes: ImportChanges,
    old: Sequence[cst.BaseSmallStatement],
    now: Sequence[cst.BaseSmallStatement],
) -> list[cst.BaseSmallStatement]:
    emptied = changes.emptied()
    result: list[cst.BaseSmallStatement] = []
    for original, statement in zip(old, now, strict=True):
        if original is changes.instead:
            first = _grouped(changes.additions)[0]
            result.append(_statement(first).with_changes(semicolon=statement.semicolon))
        elif original not in emptied:
            result.append(_without(changes, original, statement))
        elif result:
            result[-1] = result[-1].with_changes(semicolon=statement.semicolon)
    return result


def _without(
    changes: ImportChanges, original: cst.BaseSmallStatement, statement: cst.BaseSmallStatement
) -> cst.BaseSmallStatement:
    """Return a from-import without the names that are taken out."""
    gone = {id(r.alias) for r in changes.removals if r.statement is original}
    if not gone:
        return statement
    assert isinstance(original, cst.ImportFrom)
    assert isinstance(statement, cst.ImportFrom)
    assert not isinstance(original.names, cst.ImportStar)
    assert not isinstance(statement.names, cst.ImportStar)
    kept = [
        alias
        for old, alias in zip(original.names, statement.names, strict=True)
        if id(old) not in gone
    ]
    # The new last name ends as the old last one did: with its trailing comma or without.
    kept[-1] = kept[-1].with_changes(comma=statement.names[-1].comma)
    return statement.with_changes(names=kept)


def _added_lines(
    changes: ImportChanges,
    pairs: Sequence[tuple[cst.BaseStatement, cst.BaseStatement]],
    index: int,
) -> list[cst.SimpleStatementLine]:
    """Return the new statements as lines that end as the line before them does."""
    groups = _grouped(changes.additions)
    if changes.instead is not None:
        groups = groups[1:]
    before = pairs[index - 1][0] if index > 0 else None
    newline = cst.Newline()
    if isinstance(before, cst.SimpleStatementLine):
        newline = before.trailing_whitespace.newline
    ending = cst.TrailingWhitespace(newline=newline)
    return [
        cst.SimpleStatementLine([_statement(group)], trailing_whitespace=ending) for group in groups
    ]


def _grouped(additions: list[Import]) -> list[list[Import]]:
    ordered = sorted(additions, key=lambda i: (i.module, i.name))
    return [list(group) for _, group in groupby(ordered, key=lambda i: i.module)]


def _statement(group: list[Import]) -> cst.ImportFrom:
    names = ", ".join(map(str, group))
    parsed = cst.parse_statement(f"from {group[0].module} import {names}")
    assert isinstance(parsed, cst.SimpleStatementLine)
    statement = parsed.body[0]
    assert isinstance(statement, cst.ImportFrom)
    return statement
