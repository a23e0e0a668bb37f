"""The closure that a step is given, and where clipping goes in it. Uses ast."""

from __future__ import annotations

import ast
from typing import NamedTuple

from rnnswap.patch.source.clip.loops import Loops, Step
from rnnswap.patch.source.clip.scopes import Function


class Closure(NamedTuple):
    """A function that evaluates the model, and the statement in it after which to clip."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    after: ast.stmt


def find_closure(loops: Loops, step: Step) -> Closure | str | None:
    """Return the closure that `step` is given, None if none, or why it cannot be clipped in."""
    argument = step.argument
    if argument is None or (isinstance(argument, ast.Constant) and argument.value is None):
        return None
    if not isinstance(argument, ast.Name):
        return "what it is given is no function of this file"
    found = loops.scopes.bindings(argument.id, argument)
    if len(found) != 1 or not isinstance(found[0], Function):
        return f"{argument.id} is no function of this file"
    function = found[0]
    backwards = [b for b in loops.backwards if loops.scopes.function(b) is function]
    if not backwards:
        return f"{argument.id} runs no backward that can be seen"
    after = _outermost(loops, function, loops.scopes.statement(backwards[-1]))
    if after is None:
        return f"{argument.id} returns from beside its backward"
    return Closure(function, after)


def _outermost(loops: Loops, function: ast.AST, statement: ast.stmt) -> ast.stmt | None:
    """Return the statement of the function's own block that holds the backward, if all go on."""
    if _may_return(statement):
        return None
    while (parent := loops.scopes.parent(statement)) is not function:
        assert isinstance(parent, ast.stmt | ast.excepthandler | ast.match_case)
        if _may_return(parent):
            # The end of a with block is on the way out in any case.
            return statement if isinstance(parent, ast.With | ast.AsyncWith) else None
        if isinstance(parent, ast.stmt):
            statement = parent
        else:
            outer = loops.scopes.parent(parent)
            assert isinstance(outer, ast.stmt)
            statement = outer
    return statement


def _may_return(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Return) for inner in ast.walk(node))
