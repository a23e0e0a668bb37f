"""Whether a step is sure to find a gradient, without which clip_grad_value_ raises. Uses ast."""

from __future__ import annotations

import ast

from rnnswap.patch.source.clip.closures import Closure
from rnnswap.patch.source.clip.loops import Loops, Step, attribute, place


def has_gradient(loops: Loops, step: Step, closure: Closure | None) -> bool:
    """Return whether a backward goes before every such step and fills this optimizer's gradients.

    Args:
        loops: The optimizers and steps of the module.
        step: The step.
        closure: The closure at whose end clipping goes, None to clip before the step.
    """
    made, steps = loops.constructions_of(step.optimizer), loops.steps
    is_only = len({ast.unparse(one.optimizer) for one in steps}) == 1
    if not is_only or not made or len(loops.constructions) + len(loops.unnamed) > 1:
        return False  # it may be another one's turn
    scopes = loops.scopes
    anchor = scopes.statement(step.call) if closure is None else closure.after
    function = scopes.function(step.call) if closure is None else closure.function
    before = [
        place(back)
        for back in loops.backwards
        if scopes.function(back) is function and _always_runs_before(loops, back, anchor)
    ]
    return bool(before) and not _may_be_cleared(loops, function, max(before), anchor)


def _always_runs_before(loops: Loops, call: ast.Call, anchor: ast.stmt) -> bool:
    """Return whether `call` is run whenever `anchor` is reached: in its block or one around it."""
    scopes = loops.scopes
    statement: ast.AST = scopes.statement(call)
    while isinstance(scopes.parent(statement), ast.With | ast.AsyncWith):
        statement = scopes.parent(statement)
    if not isinstance(statement, ast.Expr | ast.With | ast.AsyncWith):
        return False
    around = [anchor, *scopes.ancestors(anchor)]
    for block in _blocks(scopes.parent(statement)):
        if statement in block:
            there = [one for one in block if one in around]
            return bool(there) and block.index(statement) <= block.index(there[0])
    return False


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    return [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]


def _may_be_cleared(
    loops: Loops, function: ast.AST, first: tuple[int, int], anchor: ast.stmt
) -> bool:
    """Return whether gradients are cleared or set by hand after a place and before `anchor`."""
    cleared: list[ast.expr] = [call for call in loops.calls if attribute(call) == "zero_grad"]
    cleared += [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == "grad"
        if not isinstance(node.ctx, ast.Load)
    ]
    return any(
        first < place(node) < place(anchor) and loops.scopes.function(node) is function
        for node in cleared
    )
