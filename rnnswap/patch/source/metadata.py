"""libcst's metadata, each kind gathered once and directly. Imports libcst.

`MetadataWrapper` finds a provider's methods by listing every attribute of the visitor and walks the
tree once more for each batch of providers, which costs a small file more than the analysis itself.
The providers are used through subclasses instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import libcst as cst
from libcst.metadata import (
    CodeRange,
    ExpressionContext,
    ExpressionContextProvider,
    PositionProvider,
    ScopeProvider,
)
from libcst.metadata.expression_context_provider import ExpressionContextVisitor
from libcst.metadata.position_provider import PositionProvidingCodegenState
from libcst.metadata.scope_provider import ComprehensionScope, Scope, ScopeVisitor


def find_scopes(
    module: cst.Module,
) -> tuple[list[Scope], Mapping[cst.CSTNode, ExpressionContext]]:
    """Return the scopes of a module, and whether each expression is read, stored or deleted."""
    contexts = _Contexts()
    module.visit(_ContextVisitor(contexts, ExpressionContext.LOAD))
    scopes = _Scopes(contexts.found)
    visitor = _ScopeVisitor(scopes)
    module.visit(visitor)
    visitor.infer_accesses()
    return list(scopes.found.values()), contexts.found


class Layout(PositionProvider):
    """The text, the places and the nesting of a module's nodes, from one pass of libcst's printer.

    Args:
        module: As parsed; no node stands in two places.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__()
        #: The node around each node.
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        state = _Printer(
            default_indent=module.default_indent,
            default_newline=module.default_newline,
            provider=self,
        )
        state.parents, state.around = self.parents, []
        module._codegen(state)
        #: The module's source.
        self.code = "".join(state.tokens)
        #: Where each node starts and ends, white space around it left out.
        self.positions = cast("Mapping[cst.CSTNode, CodeRange]", self._computed)


class _Printer(PositionProvidingCodegenState):
    """libcst's printer, which also notes which node is printed inside which."""

    parents: dict[cst.CSTNode, cst.CSTNode]
    around: list[cst.CSTNode]

    def before_codegen(self, node: cst.CSTNode) -> None:
        super().before_codegen(node)
        if self.around:
            self.parents[node] = self.around[-1]
        self.around.append(node)

    def after_codegen(self, node: cst.CSTNode) -> None:
        super().after_codegen(node)
        self.around.pop()


# Nodes that hold no name: white space and punctuation, half of every tree.
_BARE = frozenset(
    {
        cst.AssignEqual,
        cst.Colon,
        cst.Comma,
        cst.Dot,
        cst.EmptyLine,
        cst.LeftParen,
        cst.LeftSquareBracket,
        cst.Newline,
        cst.ParenthesizedWhitespace,
        cst.RightParen,
        cst.RightSquareBracket,
        cst.Semicolon,
        cst.SimpleWhitespace,
        cst.TrailingWhitespace,
    }
)


class _ContextVisitor(ExpressionContextVisitor):
    def on_visit(self, node: cst.CSTNode) -> bool:
        return type(node) not in _BARE and super().on_visit(node)

    # libcst takes the names that a pattern binds for names that are read.

    def leave_MatchAs(self, original_node: cst.MatchAs) -> None:  # noqa: N802
        self._bind(original_node.name)

    def leave_MatchStar(self, original_node: cst.MatchStar) -> None:  # noqa: N802
        self._bind(original_node.name)

    def leave_MatchMapping(self, original_node: cst.MatchMapping) -> None:  # noqa: N802
        self._bind(original_node.rest)

    def _bind(self, name: cst.Name | None) -> None:
        if name is not None:
            self.provider.set_metadata(name, ExpressionContext.STORE)


class _ScopeVisitor(ScopeVisitor):
    def on_visit(self, node: cst.CSTNode) -> bool:
        return type(node) not in _BARE and super().on_visit(node)

    def visit_MatchKeywordElement(self, node: cst.MatchKeywordElement) -> bool:  # noqa: N802
        # The key names an attribute.
        node.pattern.visit(self)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:  # noqa: N802
        # In a comprehension it binds in the function around; libcst says in the comprehension.
        scope = self.scope
        while isinstance(scope, ComprehensionScope):
            scope = scope.parent
        with self._switch_scope(scope):
            node.target.visit(self)
        node.value.visit(self)
        scope._assignment_count += 1
        return False

    # What is read further down sees what a pattern binds; libcst goes by this count.

    def leave_MatchAs(self, original_node: cst.MatchAs) -> None:  # noqa: N802
        self.scope._assignment_count += 1

    def leave_MatchStar(self, original_node: cst.MatchStar) -> None:  # noqa: N802
        self.scope._assignment_count += 1

    def leave_MatchMapping(self, original_node: cst.MatchMapping) -> None:  # noqa: N802
        self.scope._assignment_count += 1

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if type(original_node) not in _BARE:
            super().on_leave(original_node)


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
