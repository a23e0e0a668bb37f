"""Makes the new tree from the edits that were decided on. Imports libcst."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import libcst as cst

from rnnswap.patch.source.arguments import change_keywords
from rnnswap.patch.source.imports import ImportChanges
from rnnswap.patch.source.names import Names


class Edit(NamedTuple):
    """One expression to be replaced, with the call it constructs.

    Args:
        node: The expression to replace.
        text: Source of what replaces it.
        call: The constructor call whose keywords change, or None.
        drop: Keywords to remove from it.
        add: Keywords to append to it, with the source of their values.
    """

    node: cst.BaseExpression
    text: str
    call: cst.Call | None = None
    drop: frozenset[str] = frozenset()
    add: Mapping[str, str] = MappingProxyType({})


def apply(names: Names, edits: list[Edit], imports: ImportChanges) -> cst.Module:
    """Return the module with the edits and the import changes made and nothing else touched."""
    changed = names.module.visit(_Editor(names, edits, imports))
    assert isinstance(changed, cst.Module)
    return changed


class _Editor(cst.CSTTransformer):
    def __init__(self, names: Names, edits: list[Edit], imports: ImportChanges) -> None:
        super().__init__()
        self._by_node = {edit.node: edit for edit in edits}
        self._by_call = {edit.call: edit for edit in edits if edit.call is not None}
        self._imports = imports
        places = [edit.node for edit in edits] + [r.statement for r in imports.removals]
        self._around = {a for place in places for a in (place, *names.ancestors(place))}
        if imports.body is not None:
            self._around |= {imports.body, *names.ancestors(imports.body)}

    def on_visit(self, node: cst.CSTNode) -> bool:
        # Whatever holds no edit stays the very same object.
        return node in self._around

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode:
        if isinstance(updated_node, cst.Module | cst.IndentedBlock | cst.SimpleStatementSuite):
            updated_node = self._imports.rebuild(original_node, updated_node)
        edit = self._by_call.get(original_node)  # type: ignore[call-overload]
        if edit is not None and isinstance(updated_node, cst.Call):
            updated_node = change_keywords(updated_node, edit.drop, edit.add) or updated_node
        edit = self._by_node.get(original_node)  # type: ignore[call-overload]
        return updated_node if edit is None else _replacement(edit, updated_node)


def _replacement(edit: Edit, updated: cst.CSTNode) -> cst.BaseExpression:
    new = cst.parse_expression(edit.text)
    if isinstance(edit.node, cst.Tuple | cst.BinaryOperation | cst.BooleanOperation):
        # One now stands for two: the parentheses were theirs.
        return new
    # Parentheses around the old expression stay.
    return new.with_changes(
        lpar=[*getattr(updated, "lpar", ()), *new.lpar],
        rpar=[*new.rpar, *getattr(updated, "rpar", ())],
    )
