"""What one clipping does in one step that a script calls: where inside it, and on what."""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from rnnswap.clip._before import Before
from rnnswap.clip._closures import with_closure
from rnnswap.clip._distributed import is_made_to_initialise
from rnnswap.clip._steps import (
    LeftOut,
    is_as_noted,
    noted,
    outermost,
    parameters_of,
    place_outside,
    with_gradient,
)

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from rnnswap.clip._handle import ClipHandle
    from rnnswap.clip._steps import Note, Step, StepArguments


class Turn:
    """One clipping in one step of a script and the steps inside it.

    Attributes:
        root: The step that the script called.
        acted: Whether the clipping has acted in it.
        evaluations: How often the step's closure was called.
        before: What to put back if the step is left out half way; None if it then has not begun.
    """

    def __init__(self, root: Step, before: Before | None = None) -> None:
        self.root, self.before = root, before
        self.acted, self.evaluations = False, 0
        self._left: Note = {}

    def evaluated(self, _: object) -> None:
        """Count one evaluation of the closure, which has made the gradients anew."""
        self.evaluations += 1
        if self.root.goes_inside:
            self.root.note()

    def due_in(self, step: Step) -> Optimizer | None:
        """Return whose gradients are finished in `step`, which uses them; None if nobody's are.

        All of the script's optimizer, unless the step outside has changed some of them alone or
        has made others: then those of the optimizer that steps inside.
        """
        own = with_gradient(step.optimizer)
        if step is self.root:
            return step.optimizer
        if not self.root.goes_inside or all(is_as_noted(p, self._left) for p in own):
            return None  # they were clipped
        whole = with_gradient(self.root.optimizer)
        if not self._left and {*map(id, own)} <= {*map(id, whole)}:
            changed = len(self.root.changed(whole))
            if changed in (0, len(whole)):
                return self.root.optimizer
        return step.optimizer

    def has_acted_on(self, optimizer: Optimizer) -> None:
        """Note the gradients as clipping left them."""
        self.acted = True
        if self.root.goes_inside:
            self._left.update(noted(with_gradient(optimizer)))

    def leave_out(self, optimizer: Optimizer) -> None:
        """Make the step, of which nothing more is run, as if it had not begun."""
        for parameter in (*parameters_of(self.root.optimizer), *parameters_of(optimizer)):
            parameter.grad = None
        if self.before is not None:
            self.before.put_back(whole=self.evaluations > 1)


class Turns:
    """Lets a clipping act in the steps of its optimizers (a `Listener`).

    A step that calls another one is left alone until that one begins: only then are the gradients
    finished that the outer one averages, unscales or copies.

    Args:
        handle: The clipping.
        owns: Whose steps alone it acts in; None for every optimizer.
    """

    def __init__(self, handle: ClipHandle, owns: Optimizer | None = None) -> None:
        self._handle = handle
        self._owns = None if owns is None else weakref.ref(owns)

    def begin(
        self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> StepArguments | None:
        """Clip now, or hand the step a closure that clips at its end."""
        root = self._root_of(step)
        if root is None or is_made_to_initialise():
            return None
        has_closure = with_closure(step.optimizer, args, kwargs, id) is not None
        if step is root:
            self._handle.check_arguments(step.optimizer, kwargs)
            step.kept[id(self)] = self._begun(step, has_closure=has_closure)
        turn: Turn | None = root.kept.get(id(self))
        if turn is None:  # the clipping is younger than the step, or measures now and then
            return None
        if step.goes_inside:
            return (
                with_closure(step.optimizer, args, kwargs, turn.evaluated) if step is root else None
            )
        if not has_closure:
            self._act(step, turn)
            return None

        def at_end(loss: object) -> None:
            if step is root:
                turn.evaluated(loss)
            self._act(step, turn, loss)

        return with_closure(step.optimizer, args, kwargs, at_end)

    def end(self, step: Step) -> None:
        """Remember how often the closure was called; warn of a step that was not clipped."""
        root = self._root_of(step)
        turn: Turn | None = None if root is None else root.kept.get(id(self))
        if turn is None:
            return
        if step is root and turn.evaluations:
            met = self._handle.known(step.optimizer)
            met.evaluations = max(met.evaluations, turn.evaluations)
        if step.misled and not turn.acted and with_gradient(step.optimizer):
            warnings.warn_explicit(
                f"{self._handle.policy} did not act in this step of "
                f"{type(step.optimizer).__name__}, whose code was expected to step another "
                "optimizer and did not; it acts before the next one",
                UserWarning,
                *place_outside(sys._getframe()),
            )

    def _root_of(self, step: Step) -> Step | None:
        """Return the script's step that `step` is part of; None where the clipping acts in none."""
        if self._owns is None:
            return outermost(step)
        owned, root = self._owns(), None
        outer: Step | None = step
        while outer is not None:
            if outer.optimizer is owned and outer.has_part(step.optimizer):
                root = outer
            outer = outer.outer
        return root

    def _begun(self, root: Step, *, has_closure: bool) -> Turn:
        if not self._handle.skips or not (has_closure or root.goes_inside):
            return Turn(root)
        # A closure that is called once is called first, before anything is changed.
        evaluations = self._handle.known(root.optimizer).evaluations
        return Turn(root, Before(root.optimizer, whole=has_closure and evaluations != 1))

    def _act(self, step: Step, turn: Turn, loss: object = None) -> None:
        """Clip what `step` uses, if it is to be clipped here.

        Raises:
            LeftOut: The step is to be left out.
        """
        optimizer = turn.due_in(step)
        if optimizer is None:
            return
        skips = self._clip(optimizer, turn)
        # After acting: a parameter not watched so far is clamped by the policy at this step.
        self._handle.watch_new(optimizer)
        turn.has_acted_on(optimizer)
        if skips:
            turn.leave_out(optimizer)
            raise LeftOut(turn.root, loss)

    def _clip(self, optimizer: Optimizer, _: Turn) -> bool:
        """Clip the gradients of `optimizer`; whether the step is to be left out."""
        return self._handle.act(optimizer, with_gradient(optimizer))
