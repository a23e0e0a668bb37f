"""libcst's scope analysis, run once and directly. Imports libcst.

`MetadataWrapper` finds a provider's methods by listing every attribute of the visitor and walks the
tree once more for each batch of providers, which costs a small file more than the analysis itself.
The providers are asked through the methods they document for subclasses instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst
from libcst.metadata import (
    CodeRange,
    ExpressionContext,
    ExpressionContextProvider,
    MetadataWrapper,
    PositionProvider,
    ScopeProvider,
)
from libcst.metadata.scope_provider import Scope


def find_scopes(
    module: cst.Module,
) -> tuple[list[Scope], Mapping[cst.CSTNode, ExpressionContext]]:
    """Return the scopes of a module, and whether each expression is read, stored or deleted."""
    contexts = _Contexts()
    contexts.visit_Module(module)
    scopes = _Scopes(contexts.found)
    scopes.visit_Module(module)
    return list(scopes.found.values()), contexts.found


def find_positions(module: cst.Module) -> Mapping[cst.CSTNode, CodeRange]:
    """Return where each node starts and ends, white space around it left out."""
    # The copy that is skipped guards against trees with one node in two places; the parser
    # makes none.
    return MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)


def find_parents(module: cst.Module) -> dict[cst.CSTNode, cst.CSTNode]:
    """Return the node around each node."""
    visitor = _Parents()
    module.visit(visitor)
    return visitor.found


class _Contexts(ExpressionContextProvider):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[cst.CSTNode, ExpressionContext] = {}

    def set_metadata(self, node: cst.CSTNode, value: Any) -> None:
        self.found[node] = value


class _Scopes(ScopeProvider):
    def __init__(self, contexts: Mapping[cst.CSTNode, ExpressionContext]) -> None:
        super().__init__()
        self.found: dict[int, Scope] = {}
        self._contexts = contexts

    def set_metadata(self, node: cst.CSTNode, value: Any) -> None:
        self.found[id(value)] = value

    def get_metadata(self, key: Any, node: cst.CSTNode, default: Any = None) -> Any:
        return self._contexts.get(node, default)


class _Parents(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[cst.CSTNode, cst.CSTNode] = {}
        self._around: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._around:
            self.found[node] = self._around[-1]
        self._around.append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._around.pop()
