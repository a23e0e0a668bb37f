"""Where gradients may be clipped already, out of sight of the file at hand. Uses ast."""

from __future__ import annotations

import ast
from typing import TypeGuard

from rnnswap.patch.source.clip.loops import Construction, Loops, Step, called, root_name
from rnnswap.patch.source.clip.scopes import Function

# What is done in place to a gradient and clips nothing.
_HARMLESS = frozenset({"zero_", "detach_", "requires_grad_", "record_stream_"})


def before_step(loops: Loops, step: Step, at: ast.AST, model: str | None) -> str:
    """Return why it cannot be known that a step is not clipped yet, nothing if it can.

    Args:
        loops: The optimizers and steps of the module.
        step: The step.
        at: The step's call, or a closure given to it.
        model: What the optimizer was given the parameters of, as far as it can be seen.
    """
    scopes = loops.scopes
    function = at if isinstance(at, Function) else scopes.function(at)
    around: ast.AST = scopes.tree
    if isinstance(function, Function) and isinstance(scopes.parent(function), ast.ClassDef):
        around = scopes.parent(function)
    if not any(around in scopes.ancestors(back) for back in loops.backwards):
        where = "class" if isinstance(around, ast.ClassDef) else "file"
        return f"its backward is not in this {where}, and clipping may be beside it"
    mine = [b for b in loops.backwards if function in (*scopes.ancestors(b), scopes.function(b))]
    last = max((back.lineno for back in mine), default=0)
    parts = {ast.unparse(step.optimizer), model, f"{model}.parameters()"}
    for call in loops.calls:
        if last < call.lineno < step.call.lineno and function in (
            *scopes.ancestors(call),
            scopes.function(call),
        ):
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            if any(ast.unparse(one) in parts for one in given) and _is_foreign(loops, call):
                return f"what {ast.unparse(call.func)} does to the gradients cannot be seen"
    changed = _changed_by_hand(loops, function, last, step.call.lineno)
    return f"gradients are changed by hand in line {changed}" if changed else ""


def after_construction(loops: Loops, made: Construction) -> str:
    """Return why it cannot be known that an optimizer is not clipped yet, nothing if it can."""
    if any(made in loops.constructions_of(step.optimizer) for step in loops.steps):
        return ""
    return "its steps are not in this file, and clipping may be beside them"


def _changed_by_hand(loops: Loops, function: ast.AST, first: int, last: int) -> int | None:
    """Return the line in which gradients are changed in place between two lines of a function."""
    by_helper = {}
    for node in ast.walk(loops.scopes.tree):
        if not _changes_gradient(node):
            continue
        around = loops.scopes.function(node)
        if isinstance(around, Function):
            by_helper[around.name] = node.lineno
        if around is function and first < node.lineno < last:
            return int(node.lineno)
    for call in loops.calls:
        is_here = loops.scopes.function(call) is function and first < call.lineno < last
        if is_here and called(call) in by_helper:
            return int(by_helper[called(call)])
    return None


def _changes_gradient(node: ast.AST) -> TypeGuard[ast.expr | ast.stmt]:
    """Return whether `node` scales, sets or bounds a `.grad`, other than to None or zero."""
    if isinstance(node, ast.AugAssign):
        return _is_of_gradient(node.target)
    if isinstance(node, ast.Assign):
        nothing = isinstance(node.value, ast.Constant)
        return not nothing and any(_is_of_gradient(target) for target in node.targets)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    name = node.func.attr
    in_place = name.endswith("_") and name not in _HARMLESS
    return in_place and _is_of_gradient(node.func.value)


def _is_of_gradient(node: ast.expr) -> bool:
    """Return whether `node` is `x.grad`, its data or a part of it."""
    while isinstance(node, ast.Subscript) or (
        isinstance(node, ast.Attribute) and node.attr == "data"
    ):
        node = node.value
    return isinstance(node, ast.Attribute) and node.attr == "grad"


def _is_foreign(loops: Loops, call: ast.Call) -> bool:
    """Return whether what is called is defined neither in this file nor in torch."""
    imported = loops.scopes.imported(call.func)
    if imported:
        return imported.partition(".")[0] != "torch"
    root = root_name(call.func)
    if root is None or not isinstance(call.func, ast.Attribute) or root.id not in ("self", "cls"):
        return False
    # A method that no class of this file has is inherited.
    name = call.func.attr
    is_own = isinstance(call.func.value, ast.Name)
    return is_own and not any(
        isinstance(node, Function) and node.name == name for node in ast.walk(loops.scopes.tree)
    )
