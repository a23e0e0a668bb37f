"""An optimizer as it was before a step that is left out half way."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnswap.clip._steps import parameters_of

if TYPE_CHECKING:
    from torch.optim import Optimizer


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
        """Make the optimizer what it was; its parameters and state too if `whole` and kept."""
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
