"""Who runs the backward pass of a step: the loop itself, or a library with ways of its own.

Uses ast. accelerate and Lightning Fabric unscale by themselves and have their own functions; apex
keeps master parameters; DeepSpeed and Horovod do inside the step what must come before clipping.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from rnnswap.patch.source.clip.insertions import INDENT
from rnnswap.patch.source.clip.loops import Loops, Step, attribute, called
from rnnswap.patch.source.clip.policy import Clipping, Kind
from rnnswap.patch.source.clip.scopes import Function


class Runner(NamedTuple):
    """What runs a step's backward.

    Args:
        accelerator: An accelerate.Accelerator as named there, or nothing.
        fabric: A Lightning Fabric as named there, or nothing.
        parameters: An expression for the parameters that replaces any other, or nothing.
        reason: Why clipping cannot be put before the step, or nothing.
    """

    accelerator: str = ""
    fabric: str = ""
    parameters: str = ""
    reason: str = ""

    def lines(
        self, clipping: Clipping, parameters: str, model: str | None, optimizer: str
    ) -> list[str] | str:
        """Return the library's own clipping, nothing for torch's, or why there is none."""
        number = clipping.numbers[0]
        if self.accelerator:
            return [
                f"if {self.accelerator}.sync_gradients:",
                f"{INDENT}{self.accelerator}.{clipping.kind.value}"
                f"({clipping.arguments(parameters)})",
            ]
        if self.fabric:
            if model is None:
                return "Fabric clips a module's gradients, and which one cannot be seen"
            bound = f"max_norm={number}" if clipping.kind is Kind.NORM else f"clip_val={number}"
            order = f", norm_type={clipping.p}" if clipping.p else ""
            return [f"{self.fabric}.clip_gradients({model}, {optimizer}, {bound}{order})"]
        return []


def runner_of(loops: Loops, step: Step) -> Runner:
    """Return what runs the backward of `step`."""
    receiver = ast.unparse(step.call.func.value)  # type: ignore[attr-defined]
    function = loops.scopes.function(step.call)
    optimizer = ast.unparse(step.optimizer)
    reason = _wrapped(loops, step)
    if reason:
        return Runner(reason=reason)
    for call in loops.backwards:
        runs = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if runs == receiver:
            reason = f"{receiver} runs the backward itself; clip by its own settings"
            return Runner(reason=reason)
        if function is loops.scopes.tree or function in loops.scopes.ancestors(call):
            if _is_made_by(loops, runs, "Accelerator"):
                return Runner(accelerator=runs)
            if _is_made_by(loops, runs, "Fabric"):
                return Runner(fabric=runs)
    for call in loops.calls:
        if called(call) == "DistributedOptimizer" and _is_horovods(loops, call):
            return Runner(reason="Horovod averages the gradients inside the step")
        if attribute(call) == "scale_loss" and function in loops.scopes.ancestors(call):
            apex = ast.unparse(call.func.value)  # type: ignore[attr-defined]
            return Runner(parameters=f"{apex}.master_params({optimizer})")
    return Runner()


def runs_lightning(loops: Loops, step: Step) -> bool:
    """Return whether the backward of `step` is run by a LightningModule that makes its own steps.

    With a GradScaler of Lightning's, its optimizers unscale inside their step alone.
    """
    function = loops.scopes.function(step.call)
    return any(
        attribute(call) == "manual_backward" and loops.scopes.function(call) is function
        for call in loops.backwards
    )


def _wrapped(loops: Loops, step: Step) -> str:
    """Say so where a class of this file wraps an optimizer, and clipping goes on the other side."""
    around = _class_with_step(loops, step)
    if around is not None and _is_optimizer_class(around):
        return f"{around.name} is an optimizer itself; its own steps are those to be clipped"
    optimizer = ast.unparse(step.optimizer)
    for inner in loops.steps:
        wrapper = _class_with_step(loops, inner)
        if wrapper is None or _is_optimizer_class(wrapper):
            continue
        for call in loops.calls:
            assign = loops.scopes.statement(call)
            is_it = isinstance(assign, ast.Assign) and ast.unparse(assign.targets[0]) == optimizer
            if is_it and called(call) == wrapper.name and assign.value is call:  # type: ignore[attr-defined]
                return f"{wrapper.name} of this file makes the step, where clipping goes"
    return ""


def _class_with_step(loops: Loops, step: Step) -> ast.ClassDef | None:
    """Return the class of whose method `step` the step is a part."""
    function = loops.scopes.function(step.call)
    if not isinstance(function, Function) or not function.name.startswith("step"):
        return None
    around = loops.scopes.parent(function)
    return around if isinstance(around, ast.ClassDef) else None


def _is_optimizer_class(definition: ast.ClassDef) -> bool:
    """Return whether a class can be stepped like an optimizer: a subclass, or with its groups."""
    is_subclass = any("Optim" in ast.unparse(base) for base in definition.bases)
    return is_subclass or any(
        isinstance(node, ast.FunctionDef) and node.name == "param_groups"
        for node in definition.body
    )


def _is_horovods(loops: Loops, call: ast.Call) -> bool:
    return loops.scopes.imported(call.func).startswith("horovod.")


def _is_made_by(loops: Loops, text: str, library_class: str) -> bool:
    """Return whether `text` names an object of a library's class, by its making or its name."""
    if not text:
        return False
    if library_class.lower() in text.rpartition(".")[2].lower():
        return True
    return any(
        called(call) == library_class
        and isinstance(assign := loops.scopes.statement(call), ast.Assign)
        and ast.unparse(assign.targets[0]) == text
        for call in loops.calls
    )
