"""Which statement binds a name, on the standard library's tree. Needs no libcst.

A training loop without an LSTM in it is patched by this alone; `names` answers the finer questions
of rewriting a class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope = ast.Module | ast.ClassDef | Function | ast.Lambda | _Comprehension


class Scopes:
    """The scopes, the bindings and the nesting of one module's tree.

    Args:
        tree: The module; the nodes asked about must be its own.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self._parents: dict[ast.AST, ast.AST] = {}
        #: Every identifier that occurs as a name, an argument or a definition.
        self.words: set[str] = set()
        self._bindings: dict[ast.AST, dict[str, list[ast.AST]]] = {}
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
        # What is declared global counts where it belongs, so that comes first.
        self._declared = {
            (self.scope(node), name): isinstance(node, ast.Global)
            for node in ast.walk(tree)
            if isinstance(node, ast.Global | ast.Nonlocal)
            for name in node.names
        }
        for node in ast.walk(tree):
            for name in _names_bound_by(node):
                self.words.add(name)
                self._bind(node, name)
            if isinstance(node, ast.Name):
                self.words.add(node.id)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around `node`, the nearest first."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def parent(self, node: ast.AST) -> ast.AST:
        """Return the node around `node`."""
        return self._parents[node]

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement that holds `node`, or is it."""
        return next(n for n in (node, *self.ancestors(node)) if isinstance(n, ast.stmt))

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, lambda, class or module in which `node` stands."""
        inside = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, _Scope) and not _is_outside(ancestor, inside):
                return ancestor
            inside = ancestor
        return self.tree

    def function(self, node: ast.AST) -> ast.AST:
        """Return the function around `node`, or the module."""
        around = (a for a in self.ancestors(node) if isinstance(a, Function))
        return next(around, self.tree)

    def owner(self, name: str, node: ast.AST) -> ast.AST | None:
        """Return the scope whose `name` is meant at `node`, None if no statement binds it."""
        scope = node if isinstance(node, ast.Module) else self.scope(node)
        first = scope
        while True:
            is_hidden = isinstance(scope, ast.ClassDef) and scope is not first
            if not is_hidden and name in self._bindings.get(scope, {}):
                return scope
            if isinstance(scope, ast.Module):
                return None
            scope = self.scope(scope)

    def bindings(self, name: str, node: ast.AST) -> list[ast.AST]:
        """Return the nodes that bind what `name` means at `node`."""
        owner = self.owner(name, node)
        return self._bindings[owner][name] if owner is not None else []

    def imported(self, expression: ast.expr) -> str:
        """Return the dotted name of what `expression` is through imports alone, else nothing."""
        rest = ""
        node = expression
        while isinstance(node, ast.Attribute):
            rest, node = f".{node.attr}{rest}", node.value
        if not isinstance(node, ast.Name):
            return ""
        name = self.imported_name(node.id, node)
        return name + rest if name else ""

    def imported_name(self, name: str, node: ast.AST) -> str:
        """Return the dotted name of what `name` means at `node` through imports, else nothing."""
        found = {self._source(binding) for binding in self.bindings(name, node)}
        return found.pop() if len(found) == 1 else ""

    def _source(self, binding: ast.AST) -> str:
        """Return the dotted name that an import binds, nothing for any other binding."""
        if not isinstance(binding, ast.alias):
            return ""
        statement = self._parents[binding]
        if isinstance(statement, ast.ImportFrom):
            return f"{'.' * statement.level}{statement.module or ''}.{binding.name}"
        return binding.name if binding.asname else binding.name.partition(".")[0]

    def _bind(self, node: ast.AST, name: str) -> None:
        scope = self.scope(node)
        if isinstance(node, ast.arg):
            # An argument belongs to its function, whose defaults stand outside of it.
            scope = next(a for a in self.ancestors(node) if isinstance(a, Function | ast.Lambda))
        is_global = self._declared.get((scope, name))
        if is_global is not None:
            outer = self.scope(scope) if not is_global else self.tree
            scope = outer
        self._bindings.setdefault(scope, {}).setdefault(name, []).append(node)


def free_name(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, or it with underscores, so that nothing in `taken` is hidden by it."""
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_outside(scope: ast.AST, part: ast.AST) -> bool:
    """Return whether `part` of a definition is evaluated outside of it."""
    if isinstance(scope, ast.Lambda):
        return part is scope.args
    if isinstance(scope, Function):
        return part in scope.decorator_list or part is scope.args or part is scope.returns
    return isinstance(scope, ast.ClassDef) and part not in scope.body


def _names_bound_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []
