"""Keeps optimizers in step with a model whose parameters are replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from rnnswap.errors import SwapError


@dataclass(frozen=True, slots=True)
class OptimizerBackup:
    """What an optimizer held before parameters were replaced in it."""

    optimizer: Optimizer
    groups: tuple[list[nn.Parameter], ...]
    dropped: dict[Tensor, Any]

    def restore(self) -> None:
        """Put the very same parameters and their state back."""
        for group, parameters in zip(self.optimizer.param_groups, self.groups, strict=True):
            group["params"] = list(parameters)
        held = {id(p) for parameters in self.groups for p in parameters}
        for parameter in [p for p in self.optimizer.state if id(p) not in held]:
            del self.optimizer.state[parameter]
        self.optimizer.state.update(self.dropped)


def as_optimizers(optimizer: Optimizer | Iterable[Optimizer] | None) -> list[Optimizer]:
    """Return one optimizer, several or none as a list."""
    if optimizer is None:
        return []
    given = list(optimizer) if isinstance(optimizer, Iterable) else [optimizer]
    for one in given:
        if not isinstance(one, Optimizer):
            raise SwapError(f"optimizer takes torch optimizers, got {type(one).__name__}")
    return given


def check_optimizers(optimizers: Sequence[Optimizer], replaced: Sequence[nn.Module]) -> None:
    """Refuse optimizers none of which holds a parameter that will be replaced.

    Raises:
        SwapError: There are optimizers, there is something to replace, and none holds any of it.
    """
    held = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
    going = {id(p) for module in replaced for p in module.parameters()}
    if optimizers and going and not held & going:
        raise SwapError(
            "the optimizer holds no parameter of the layers to swap: "
            "give the one that trains this model"
        )


def replace_parameters(
    optimizer: Optimizer, pairs: Sequence[tuple[nn.Module, nn.Module]]
) -> OptimizerBackup:
    """Put each new module's parameters where the old one's were, in the same group and place.

    A parameter takes the place of the old one of the same name; one without a namesake follows the
    last of its module. The optimizer's state of the replaced ones is dropped.
    """
    successors = _successors(pairs)
    groups = tuple(list(group["params"]) for group in optimizer.param_groups)
    dropped = {p: s for p, s in optimizer.state.items() if id(p) in successors}
    for group, parameters in zip(optimizer.param_groups, groups, strict=True):
        replaced: list[nn.Parameter] = []
        for parameter in parameters:
            replaced += successors.get(id(parameter), [parameter])
        group["params"] = replaced
    for parameter in dropped:
        del optimizer.state[parameter]
    return OptimizerBackup(optimizer, groups, dropped)


def _successors(pairs: Sequence[tuple[nn.Module, nn.Module]]) -> dict[int, list[nn.Parameter]]:
    """Map the id of each old parameter to what takes its place."""
    found: dict[int, list[nn.Parameter]] = {}
    for old, new in pairs:
        fresh = dict(new.named_parameters())
        before = dict(old.named_parameters())
        for name, parameter in before.items():
            found[id(parameter)] = [fresh.pop(name)] if name in fresh else []
        if before:
            found[id(list(before.values())[-1])] += fresh.values()
    return found
