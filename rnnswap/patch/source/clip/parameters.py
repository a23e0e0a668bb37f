"""Whose parameters an optimizer steps, and how to name them where it steps. Uses ast."""

from __future__ import annotations

import ast
from collections.abc import Callable

from rnnswap.patch.source.clip.loops import (
    Construction,
    Loops,
    attribute,
    is_chain,
    place,
    root_name,
)


class Parameters:
    """The parameters of a module's optimizers.

    Args:
        loops: The optimizers and steps of the module.
        spelled: Gives the source of a node.
    """

    def __init__(self, loops: Loops, spelled: Callable[[ast.AST], str]) -> None:
        self._loops = loops
        self._spelled = spelled
        self._grows = {
            ast.unparse(call.func.value)
            for call in loops.calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_param_group"
        }

    def source(self, optimizer: ast.expr, model: str | None) -> str:
        """Return an expression for the parameters: a model's, else those of the param_groups."""
        if model is not None:
            return f"{model}.parameters()"
        return f'[p for group in {self._spelled(optimizer)}.param_groups for p in group["params"]]'

    def any_gradient(self, parameters: str, optimizer: ast.expr) -> str:
        """Return an expression that is true where one of `parameters` has a gradient."""
        groups = f'group in {self._spelled(optimizer)}.param_groups for p in group["params"]'
        if parameters == f"[p for {groups}]":
            return f"any(p.grad is not None for {groups})"
        return f"any(p.grad is not None for p in {parameters})"

    def model(self, optimizer: ast.expr, at: ast.AST) -> str | None:
        """Return the model that all constructions of an optimizer were given, as named at `at`.

        None where it cannot be seen there, or may be another by then.
        """
        made = self._loops.constructions_of(optimizer)
        found = {self.given(one) for one in made}
        if len(found) != 1 or ast.unparse(optimizer) in self._grows:
            return None
        model = found.pop()
        if model is None or not all(self._means_the_same(one, at) for one in made):
            return None
        return model

    def given(self, made: Construction) -> str | None:
        """Return the module whose parameters a construction is given, if that is all."""
        found = {_module_of(call) for call in made.calls}
        return ast.unparse(node) if len(found) == 1 and (node := found.pop()) else None

    def _means_the_same(self, made: Construction, at: ast.AST) -> bool:
        """Return whether the model's name means at `at` what it means at the construction."""
        for call in made.calls:
            asked = _asked(call)
            if asked is None:
                return False
            owner = self._loops.owner(asked, asked)
            if owner is None or self._loops.owner(asked, at) is not owner:
                return False
            if self._is_replaced(asked.value, made, owner):
                return False
        return True

    def _is_replaced(self, model: ast.expr, made: Construction, owner: ast.AST) -> bool:
        """Return whether the model's name may get another meaning after the construction."""
        text, scopes = ast.unparse(model), self._loops.scopes
        root = root_name(model)
        for node in ast.walk(scopes.tree):
            if not isinstance(node, ast.Name | ast.Attribute) or isinstance(node.ctx, ast.Load):
                continue
            is_it = ast.unparse(node) in (text, getattr(root, "id", text))
            if not is_it or self._loops.owner(node, node) is not owner:
                continue
            statement = scopes.statement(node)
            same = scopes.function(node) is scopes.function(made.statement)
            earlier = same and place(statement) < place(made.statement)
            if not earlier and not _mentions(statement, text):
                return True
        return False


def _module_of(call: ast.Call) -> ast.expr | None:
    asked = _asked(call)
    return asked.value if asked is not None else None


def _asked(call: ast.Call) -> ast.Attribute | None:
    """Return `model.parameters` if a construction is given just that module's parameters."""
    named = [k.value for k in call.keywords if k.arg in ("params", "parameters")]
    given = named or call.args[:1]
    asks = _unwrapped(given[0]) if given else None
    if not isinstance(asks, ast.Call) or attribute(asks) != "parameters":
        return None
    if asks.args or asks.keywords or not isinstance(asks.func, ast.Attribute):
        return None
    return asks.func if is_chain(asks.func.value) else None


def _unwrapped(value: ast.expr) -> ast.expr:
    """Take away what leaves the same parameters: list, iter, a choice of those with gradients."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.args:
        if value.func.id in ("list", "tuple", "iter"):
            return value.args[0]
        if value.func.id == "filter" and "requires_grad" in ast.unparse(value.args[0]):
            return value.args[-1]
    if isinstance(value, ast.ListComp | ast.GeneratorExp) and isinstance(value.elt, ast.Name):
        first, *others = value.generators
        conditions = [ast.unparse(condition) for condition in first.ifs]
        if not others and all(text.endswith(".requires_grad") for text in conditions):
            return first.iter
    return value


def _mentions(statement: ast.stmt, text: str) -> bool:
    """Return whether an assignment's value is made from `text`, as `model = wrap(model)` is."""
    value = getattr(statement, "value", None)
    chains = (
        (n for n in ast.walk(value) if isinstance(n, ast.Name | ast.Attribute)) if value else ()
    )
    return any(ast.unparse(node) == text for node in chains)
