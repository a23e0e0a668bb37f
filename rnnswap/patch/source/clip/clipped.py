"""Which steps of a module are clipped already, and by which call. Uses ast."""

from __future__ import annotations

import ast
import re

from rnnswap.patch.source.clip.loops import Loops, called
from rnnswap.patch.source.clip.parameters import Parameters
from rnnswap.patch.source.clip.scopes import Function, Scopes

_CLIPS_GRADIENTS = re.compile(r"(?i)clip\w*grad|grad\w*clip")
_CLAMPS = ("clamp", "clamp_", "clip", "clip_", "hardtanh_")
_TRAINER_ARGUMENTS = ("gradient_clip_val", "max_grad_norm", "gradient_clipping")


class Clipped:
    """The calls of a module that clip gradients.

    Args:
        loops: The optimizers and steps of the module.
        parameters: Whose parameters they step.
    """

    def __init__(self, loops: Loops, parameters: Parameters) -> None:
        self._loops = loops
        self._parameters = parameters
        self._scopes: Scopes = loops.scopes
        self._calls = [call for call in loops.calls if self._clips(call)]
        # These act wherever the parameters or the trainer are used.
        self._everywhere = [call for call in loops.calls if self._clips_everywhere(call)]
        self._helpers = {
            around.name: call
            for call in self._calls
            if isinstance(around := self._scopes.function(call), Function)
        }
        self._add_callers()

    def _add_callers(self) -> None:
        """Count as a helper, too, what does no step itself and calls one that clips."""
        stepping = {self._scopes.function(step.call) for step in self._loops.steps}
        more = True
        while more:
            more = False
            for call in self._loops.calls:
                around = self._scopes.function(call)
                if not isinstance(around, Function) or around in stepping:
                    continue
                if called(call) in self._helpers and around.name not in self._helpers:
                    self._helpers[around.name] = self._helpers[called(call)]
                    more = True

    def by(self, at: ast.AST, optimizer: ast.expr, model: str | None) -> ast.Call | None:
        """Return the call that clips for a step, None if none is seen.

        Args:
            at: The step's call, or a closure given to it.
            optimizer: The optimizer that makes the step.
            model: What the optimizer was given the parameters of, as far as it can be seen.
        """
        if self._everywhere:
            return self._everywhere[0]
        function = at if isinstance(at, Function) else self._scopes.function(at)
        mine = [c for c in self._calls if not self._is_for_another(c, optimizer, model)]
        for call in mine:
            if self._is_within(call, function):
                return call
        for call in self._loops.calls:
            if self._is_within(call, function) and called(call) in self._helpers:
                return call
        if any(self._is_within(back, function) for back in self._loops.backwards):
            return None
        # The backward pass is somewhere else, and clipping may be beside it.
        around = self._around(function)
        return next((c for c in mine if self._around(self._scopes.function(c)) is around), None)

    def anywhere(self, optimizer: ast.expr, model: str | None) -> ast.Call | None:
        """Return a call in the module that clips what an optimizer steps, None if none is seen."""
        mine = [c for c in self._calls if not self._is_for_another(c, optimizer, model)]
        return next(iter([*self._everywhere, *mine]), None)

    def _around(self, function: ast.AST) -> ast.AST:
        """Return the class of a method, else the module."""
        if isinstance(function, Function):
            outer = self._scopes.parent(function)
            return outer if isinstance(outer, ast.ClassDef) else self._scopes.tree
        return function

    def _is_within(self, call: ast.Call, function: ast.AST) -> bool:
        if isinstance(function, ast.Module):
            return self._scopes.function(call) is function
        return function in self._scopes.ancestors(call)

    def _clips(self, call: ast.Call) -> bool:
        name = called(call)
        imported = self._scopes.imported(call.func).rpartition(".")[2]
        if _CLIPS_GRADIENTS.search(f"{name} {imported}") or self._attaches(call, "attach"):
            return True
        return name in _CLAMPS and any(
            isinstance(node, ast.Attribute) and node.attr == "grad" for node in ast.walk(call)
        )

    def _clips_everywhere(self, call: ast.Call) -> bool:
        if called(call) == "register_hook":
            return re.search("clamp|clip", ast.unparse(call)) is not None
        by_trainer = any(keyword.arg in _TRAINER_ARGUMENTS for keyword in call.keywords)
        is_trainer = called(call)[:1].isupper()
        return (by_trainer and is_trainer) or self._attaches(call, "install")

    def _attaches(self, call: ast.Call, function: str) -> bool:
        return self._scopes.imported(call.func) == f"rnnswap.clip.{function}"

    def _is_for_another(self, clip: ast.Call, optimizer: ast.expr, model: str | None) -> bool:
        """Return whether `clip` names another optimizer or its model, and not this one's."""
        given = ast.unparse(clip)
        mine = ast.unparse(optimizer)
        if self._attaches(clip, "attach"):
            return ast.unparse(clip.args[-1]) != mine
        if _names(given, mine) or (model is not None and _names(given, model)):
            return False
        others = [m for m in self._loops.constructions if ast.unparse(m.target) != mine]
        models = [self._parameters.given(made) for made in others]
        texts = [ast.unparse(made.target) for made in others] + [m for m in models if m]
        return any(_names(given, text) for text in texts)


def _names(code: str, chain: str) -> bool:
    """Return whether `code` mentions the chain of names itself."""
    return re.search(rf"(?<![\w.]){re.escape(chain)}(?!\w)", code) is not None
