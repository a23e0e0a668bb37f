"""Keeps optimizers in step with a model whose parameters are replaced."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer

from rnnswap.errors import SwapError

#: A parameter's successors, each with its name in its module.
Successors = list[tuple[str, nn.Parameter]]


@dataclass(slots=True)
class OptimizerChange:
    """Parameters replaced in an optimizer; `groups` is what its groups held before."""

    optimizer: Optimizer
    successors: dict[int, Successors]
    groups: list[tuple[list[nn.Parameter], list[str] | None]]
    dropped: dict[Tensor, Any] = field(default_factory=dict)

    def apply(self) -> None:
        """Replace them, unless the optimizer has none of them."""
        if not self.successors.keys() & {id(p) for ps, _ in self.groups for p in ps}:
            return
        for group, (parameters, names) in zip(
            self.optimizer.param_groups, self.groups, strict=True
        ):
            entries = _replaced(parameters, names, self.successors)
            group["params"][:] = [p for _, p in entries]
            if names is not None:
                group["param_names"][:] = [name for name, _ in entries]
        self.dropped = _forget(self.optimizer, self.successors.keys())

    def check(self) -> None:
        """An optimizer can always be given its parameters back."""

    def restore(self) -> None:
        """Put the very same parameters and their state back, each in its place.

        What was added to a group since stands at its end.
        """
        new = {id(p) for following in self.successors.values() for _, p in following}
        groups = self.optimizer.param_groups
        for group, (parameters, names) in zip(groups, self.groups, strict=False):
            known = {id(p) for p in parameters} | new
            late = [i for i, p in enumerate(group["params"]) if id(p) not in known]
            added = [group["params"][i] for i in late]
            if names is not None:
                group["param_names"][:] = [*names, *(group["param_names"][i] for i in late)]
            group["params"][:] = [*parameters, *added]
        _forget(self.optimizer, new)
        self.optimizer.state.update(self.dropped)


def as_optimizers(optimizer: Optimizer | Iterable[Optimizer] | None) -> list[Optimizer]:
    """Return one optimizer, several or none as a list, each once.

    Raises:
        SwapError: Something is no torch optimizer, or one that keeps parameters where none can be
            replaced.
    """
    if optimizer is None:
        return []
    given = list(optimizer) if isinstance(optimizer, Iterable) else [optimizer]
    for one in given:
        if not isinstance(one, Optimizer):
            raise SwapError(f"optimizer takes torch optimizers, got {type(one).__name__}")
        sharded = getattr(sys.modules.get("torch.distributed.optim"), "ZeroRedundancyOptimizer", ())
        if isinstance(one, sharded):
            raise SwapError(
                "ZeroRedundancyOptimizer has dealt the present parameters out to processes: "
                "construct it after the swap"
            )
    return list(dict.fromkeys(given))


def check_optimizers(optimizers: Sequence[Optimizer], replaced: Sequence[nn.Module]) -> None:
    """Refuse optimizers none of which holds a parameter that will be replaced.

    Frozen layers are none's.

    Raises:
        SwapError: There are optimizers, there is something to replace, and none holds any of it.
    """
    held = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
    going = {id(p) for m in replaced for p in m.parameters() if p.requires_grad}
    if optimizers and going and not held & going:
        raise SwapError(
            "the optimizer holds no parameter of the layers to swap: "
            "give the one that trains this model"
        )


def replacing(
    optimizer: Optimizer, pairs: Sequence[tuple[nn.Module, nn.Module]]
) -> OptimizerChange:
    """Return the change that puts each new module's parameters where the old one's are.

    Same group, same place: a parameter takes the place of the old one of the same name; one without
    a namesake follows the last of its module. The optimizer's state of the replaced ones is
    dropped. The lists of parameters stay the same objects, for optimizers hold them.
    """
    groups = [
        (list(group["params"]), list(names) if names is not None else None)
        for group in optimizer.param_groups
        for names in [group.get("param_names")]
    ]
    return OptimizerChange(optimizer, _successors(pairs), groups)


def _replaced(
    parameters: Sequence[nn.Parameter],
    names: Sequence[str] | None,
    successors: dict[int, Successors],
) -> list[tuple[str, nn.Parameter]]:
    entries: list[tuple[str, nn.Parameter]] = []
    for parameter, name in zip(parameters, names or [""] * len(parameters), strict=True):
        if id(parameter) not in successors:
            entries.append((name, parameter))
            continue
        module = name.rpartition(".")[0]
        for own, new in successors[id(parameter)]:
            entries.append((f"{module}.{own}" if module else own, new))
    return entries


def _successors(pairs: Sequence[tuple[nn.Module, nn.Module]]) -> dict[int, Successors]:
    """Return, for the id of each old parameter, what takes its place."""
    found: dict[int, Successors] = {}
    for old, new in pairs:
        fresh = dict(new.named_parameters())
        before = dict(old.named_parameters())
        for name, parameter in before.items():
            found[id(parameter)] = [(name, fresh.pop(name))] if name in fresh else []
        if before:
            found[id(list(before.values())[-1])] += fresh.items()
    return found


def _forget(optimizer: Optimizer, going: Collection[int]) -> dict[Tensor, Any]:
    """Drop the optimizer's state of the parameters with these ids, and return it."""
    if isinstance(optimizer, LBFGS):  # one state for all, in vectors as long as all together
        going = {id(p) for p in optimizer.state}
        optimizer._numel_cache = None
    dropped = {p: s for p, s in optimizer.state.items() if id(p) in going}
    for parameter in dropped:
        del optimizer.state[parameter]
    return dropped
