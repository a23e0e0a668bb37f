"""What one clipping does in one step that a script calls: where inside it, and on what."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnswap.clip._steps import is_as_noted, noted, parameters_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from rnnswap.clip._steps import Note, Step


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


class Before:
    """An optimizer as it was before a step.

    Args:
        optimizer: The optimizer.
        whole: Keep parameters and state as well, not only what its groups hold beside them.
    """

    def __init__(self, optimizer: Optimizer, *, whole: bool) -> None:
        self._optimizer = optimizer
        self._groups = [_copied(_options(group)) for group in optimizer.param_groups]
        self._values = [p.detach().clone() for p in parameters_of(optimizer)] if whole else []
        self._state = {p: _copied(s) for p, s in optimizer.state.items()} if whole else {}

    def put_back(self, *, whole: bool) -> None:
        """Make the optimizer what it was; parameters and state too if they were kept and `whole`."""
        for group, options in zip(self._optimizer.param_groups, self._groups, strict=True):
            for name in set(_options(group)) - set(options):
                del group[name]
            group.update(options)
        if whole and self._values:
            self._optimizer.state.clear()
            self._optimizer.state.update(self._state)
            with torch.no_grad():
                for parameter, value in zip(
                    parameters_of(self._optimizer), self._values, strict=True
                ):
                    parameter.copy_(value)


def with_gradient(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters that have a gradient."""
    return [p for p in parameters_of(optimizer) if p.grad is not None]


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _copied(value: Any) -> Any:
    """Return a copy of tensors in containers; what is neither stays the same object."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple, set, deque):
        return type(value)(map(_copied, value))
    return value
