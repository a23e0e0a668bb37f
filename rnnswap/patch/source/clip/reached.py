"""How to reach a function at a place of a module: by a name there, or a new import. Uses ast."""

from __future__ import annotations

import ast

from rnnswap.patch.source.clip.insertions import Insertion
from rnnswap.patch.source.clip.scopes import Scopes, free_name

_UTILS = "torch.nn.utils"


class Reached:
    """Names under which functions are reached, and the imports they need.

    Args:
        scopes: The names of the module.
    """

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._aliases = [n for n in ast.walk(scopes.tree) if isinstance(n, ast.alias)]
        self._added: dict[str, str] = {}
        self._first: ast.AST | None = None

    def function(self, name: str, at: ast.stmt) -> str:
        """Return how to spell torch's function `name` of torch.nn.utils at a statement."""
        for source in (
            f"{_UTILS}.{name}",
            f"{_UTILS}.clip_grad.{name}",
            _UTILS,
            "torch",
            "torch.nn",
        ):
            bound = self._bound(source, at)
            if bound is not None:
                rest = f"{_UTILS}.{name}".removeprefix(source)
                return bound + ("" if "clip_grad." in source or not rest else rest)
        return self._add(f"from {_UTILS} import {name}", name, at)

    def module(self, name: str, at: ast.stmt) -> str:
        """Return how to spell the package `name` at a statement."""
        return self._bound(name, at) or self._add(f"import {name}", name, at)

    def added(self) -> list[str]:
        """Return the local names of the new imports."""
        return list(self._added.values())

    def insertion(self) -> Insertion | None:
        """Return where the new imports go: after those at the top, docstring and all."""
        if not self._added:
            return None
        lines = tuple(
            line if line.endswith(f" {name}") else f"{line} as {name}"
            for line, name in sorted(self._added.items())
        )
        body = self._scopes.tree.body
        last = None
        for index, statement in enumerate(body):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, ast.Import | ast.ImportFrom) or (index == 0 and is_text):
                last = statement
            elif statement is self._first or isinstance(
                statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                break
        if last is None:
            return Insertion(body[0], True, lines)
        return Insertion(last, False, lines)

    def _add(self, line: str, name: str, at: ast.stmt) -> str:
        top = [at, *self._scopes.ancestors(at)][-2:][0]
        if self._first is None or getattr(top, "lineno", 0) < getattr(self._first, "lineno", 0):
            self._first = top
        if line not in self._added:
            others = self._scopes.words
            prefix = "torch_" if line.startswith("from torch") else "the_"
            self._added[line] = name if name not in others else free_name(prefix + name, others)
        return self._added[line]

    def _bound(self, source: str, at: ast.stmt) -> str | None:
        """Return the name that is bound to `source` by imports, and by then, at a statement."""
        for alias in self._aliases:
            name = alias.asname or alias.name.partition(".")[0]
            if self._scopes.imported_name(name, at) == source and self._is_bound_by(alias, at):
                return name
        return None

    def _is_bound_by(self, alias: ast.alias, at: ast.stmt) -> bool:
        scope = self._scopes.scope(alias)
        name = alias.asname or alias.name.partition(".")[0]
        if self._scopes.owner(name, at) is not scope:
            return False
        around = [n for n in self._scopes.ancestors(alias) if isinstance(n, ast.If)]
        if any("TYPE_CHECKING" in ast.unparse(n.test) for n in around):
            return False
        return scope is not self._scopes.scope(at) or alias.lineno < at.lineno
