"""Decides where the new import goes. Imports libcst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from rnnswap.patch.source.imports import ImportChanges
from rnnswap.patch.source.names import Names


def place(
    names: Names,
    changes: ImportChanges,
    bindings: Iterable[cst.CSTNode],
    replaced: Iterable[cst.CSTNode],
) -> None:
    """Set in `changes` where its additions go.

    Args:
        names: The names of the module.
        changes: Its removals are decided; its place is not.
        bindings: The statements that bind the names that are replaced.
        replaced: The expressions that are replaced.
    """
    lines = [line for line in (_line(names, node) for node in bindings) if line is not None]
    edited = {a for node in replaced for a in names.ancestors(node)}
    body, index = _body_and_index(names, lines)
    if index is None:
        changes.body, changes.index = body, _leading_end(names.module)
        return
    statements = _statements(body)
    changes.body = body
    for statement in changes.emptied():
        if names.parent(statement) is statements[index]:
            changes.instead = statement
            changes.index = index + 1
            return
    if statements[index] in edited:
        # One statement both binds and uses it: on one line, or in its branches.
        changes.index = index
        return
    changes.index = _end_of_run(statements, index)


def top_level_index(names: Names, node: cst.CSTNode) -> int:
    """Return the index in the module's body of the statement that holds `node`."""
    module = names.module
    holder = node
    for ancestor in names.ancestors(node):
        if ancestor is module:
            break
        holder = ancestor
    return next(i for i, statement in enumerate(module.body) if statement is holder)


def _body_and_index(
    names: Names, lines: Sequence[cst.CSTNode]
) -> tuple[cst.Module | cst.IndentedBlock, int | None]:
    """Return the body for the new import and the index of the statement it goes after."""
    bodies = {names.parent(line) for line in lines}
    if len(bodies) == 1:
        body = bodies.pop()
        if isinstance(body, cst.IndentedBlock) and not isinstance(names.parent(body), cst.ClassDef):
            return body, min(_index(body, line) for line in lines)
    run: list[int] = []
    deferred: list[int] = []
    for line in lines:
        (deferred if _is_deferred(names, line) else run).append(top_level_index(names, line))
    # A function that imports torch for itself may be called before the module's own import runs.
    if not run or (deferred and min(deferred) < min(run)):
        return names.module, None
    return names.module, min(run)


def _line(names: Names, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the statement line that holds a binding, or the statement around a one-line suite."""
    for ancestor in (node, *names.ancestors(node)):
        if isinstance(ancestor, cst.BaseStatement):
            return ancestor
    return None


def _is_deferred(names: Names, line: cst.CSTNode) -> bool:
    around = (line, *names.ancestors(line))
    return any(isinstance(ancestor, cst.FunctionDef | cst.ClassDef) for ancestor in around)


def _statements(body: cst.Module | cst.IndentedBlock) -> Sequence[cst.BaseStatement]:
    return body.body


def _index(body: cst.Module | cst.IndentedBlock, line: cst.CSTNode) -> int:
    return next(i for i, statement in enumerate(body.body) if statement is line)


def _end_of_run(statements: Sequence[cst.CSTNode], index: int) -> int:
    """Return the index after the run of import lines that starts at or after `index`."""
    index += 1
    while index < len(statements) and _is_import_line(statements[index]):
        index += 1
    return index


def _leading_end(module: cst.Module) -> int:
    """Return the index after the docstring and the imports at the top."""
    index = 1 if module.get_docstring() is not None else 0
    while index < len(module.body) and _is_import_line(module.body[index]):
        index += 1
    return index


def _is_import_line(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(small, cst.Import | cst.ImportFrom) for small in statement.body
    )
