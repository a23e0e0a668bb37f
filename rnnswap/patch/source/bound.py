"""Asks of a new text whether what it imports is bound before it is read. Uses ast, not libcst."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Loop = ast.For | ast.AsyncFor | ast.While


def first_unbound(tree: ast.Module, names: Collection[str]) -> tuple[str, int] | None:
    """Return the first of `names` that is read before any way there binds it, with its line.

    Functions run later than the module around them, so that a name of the module is taken for
    bound in them; a name that a function imports itself must be bound earlier in it.
    """
    for name in names:
        walk = _Walk(name)
        walk.block(tree.body)
        if walk.line is not None:
            return name, walk.line
    return None


def has_late_future(tree: ast.Module) -> bool:
    """Return whether an import from __future__ stands where Python does not take it."""
    late = False
    for index, statement in enumerate(tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            if late:
                return True
        elif index > 0 or not _is_text(statement):
            late = True
    return False


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Walk:
    """Follows the ways through one scope; `line` is where `name` is read unbound first."""

    def __init__(self, name: str) -> None:
        self.line: int | None = None
        self._name = name
        self._bound = False

    def block(self, statements: Sequence[ast.AST]) -> None:
        """Go through statements in their order."""
        for statement in statements:
            if self.line is None:
                self._statement(statement)

    def _statement(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._bound = self._bound or self._is_bound_by(node)
        elif isinstance(node, _Function | ast.Lambda):
            self._function(node)
        elif isinstance(node, _Loop):
            self._loop(node)
        elif isinstance(node, ast.If | ast.Match):
            self._branches(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node)
        elif isinstance(node, ast.arg):
            return  # Annotations may be read late, or never.
        elif isinstance(node, ast.AnnAssign):
            self.block([n for n in (node.value, node.target) if n is not None])
        elif isinstance(node, ast.Name) and node.id == self._name:
            self._name_used(node)
        else:
            self.block(list(ast.iter_child_nodes(node)))

    def _name_used(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not self._bound:
            self.line = node.lineno
        self._bound = self._bound and not isinstance(node.ctx, ast.Del)

    def _is_bound_by(self, statement: ast.Import | ast.ImportFrom) -> bool:
        return any((alias.asname or alias.name) == self._name for alias in statement.names)

    def _binds(self, nodes: Sequence[ast.AST]) -> bool:
        """Return whether an import binds the name in these nodes, functions inside left out."""
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if isinstance(node, ast.Import | ast.ImportFrom) and self._is_bound_by(node):
                return True
            if not isinstance(node, _Function | ast.Lambda | ast.ClassDef):
                todo += ast.iter_child_nodes(node)
        return False

    def _function(self, node: _Function | ast.Lambda) -> None:
        body = node.body if isinstance(node.body, list) else [node.body]
        self.block([*getattr(node, "decorator_list", ()), node.args])
        before, self._bound = self._bound, not self._binds(body)
        self.block(body)
        self._bound = before

    def _loop(self, node: _Loop) -> None:
        head = [node.test] if isinstance(node, ast.While) else [node.iter]
        # A later turn sees what an earlier one bound.
        before, self._bound = self._bound, self._bound or self._binds([*head, *node.body])
        self.block([*head, *node.body])
        self.block(node.orelse)
        self._bound = before or self._binds([node])

    def _branches(self, node: ast.If | ast.Match) -> None:
        if isinstance(node, ast.If):
            self.block([node.test])
            ways: list[list[ast.stmt]] = [node.body, node.orelse]
        else:
            self.block([node.subject])
            ways = [case.body for case in node.cases]
            self.block([n for c in node.cases for n in (c.pattern, c.guard) if n is not None])
        before, ends = self._bound, [self._bound]
        for way in ways:
            self._bound = before
            self.block(way)
            ends.append(self._bound)
        self._bound = any(ends)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = self._bound
        self.block(node.body)
        after_body = self._bound
        ends = []
        ways: list[Sequence[ast.AST]] = [*([h] for h in node.handlers), node.orelse]
        for way in ways:
            # An exception may come before or after the import.
            self._bound = after_body
            self.block(way)
            ends.append(self._bound)
        self._bound = before or after_body or any(ends)
        self.block(node.finalbody)
