"""Where gradients may be clipped already, out of sight of the file at hand. Uses ast."""

from __future__ import annotations

import ast

from rnnswap.patch.source.clip.loops import Construction, Loops, Step, root_name
from rnnswap.patch.source.clip.scopes import Function


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
    return ""


def after_construction(loops: Loops, made: Construction) -> str:
    """Return why it cannot be known that an optimizer is not clipped yet, nothing if it can."""
    if any(made in loops.constructions_of(step.optimizer) for step in loops.steps):
        return ""
    return "its steps are not in this file, and clipping may be beside them"


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
