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
            _fill(group, _replaced(parameters, names, self.successors))
        self.dropped = _forget(self.optimizer, self.successors.keys())

    def check(self) -> None:
        """An optimizer can always be given its parameters back."""

    def restore(self) -> None:
        """Put the very same parameters and their state back, each in its place.

        Only they are touched, so that several swaps can be taken back in any order.
        """
        was = {
            id(following[0][1]): (name, parameter)
            for parameters, names in self.groups
            for parameter, name in _named(parameters, names)
            for following in [self.successors.get(id(parameter))]
            if following
        }
        new = {id(p) for following in self.successors.values() for _, p in following}
        for group, (parameters, names) in zip(
            self.optimizer.param_groups, self.groups, strict=False
        ):
            entries = [
                was.get(id(parameter), (name, parameter))
                for parameter, name in _named(group["params"], group.get("param_names"))
                if id(parameter) in was or id(parameter) not in new
            ]
            self._put_back_what_had_no_successor(entries, _named(parameters, names))
            _fill(group, entries)
        _forget(self.optimizer, new)
        self.optimizer.state.update(self.dropped)

    def _put_back_what_had_no_successor(
        self, entries: list[tuple[str, nn.Parameter]], before: Iterable[tuple[nn.Parameter, str]]
    ) -> None:
        previous: int | None = None
        for parameter, name in before:
            held = [id(p) for _, p in entries]
            if self.successors.get(id(parameter)) == [] and id(parameter) not in held:
                place = held.index(previous) + 1 if previous in held else 0
                entries.insert(place, (name, parameter))
            previous = id(parameter)


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
    optimizers: Sequence[Optimizer], pairs: Sequence[tuple[nn.Module, nn.Module]]
) -> list[OptimizerChange]:
    """Return the changes that put each new module's parameters where the old one's are.

    Same group, same place: a parameter takes the place of the old one of the same name; one without
    a namesake follows the last of its module that an optimizer has. The state that optimizers have
    of the replaced ones is dropped. The lists of parameters stay the same objects, for optimizers
    hold them.
    """
    held = {id(p) for one in optimizers for group in one.param_groups for p in group["params"]}
    successors = _successors(pairs, held)
    return [
        OptimizerChange(
            optimizer,
            successors,
            [
                (list(group["params"]), list(names) if names is not None else None)
                for group in optimizer.param_groups
                for names in [group.get("param_names")]
            ],
        )
        for optimizer in optimizers
    ]


def _named(
    parameters: Sequence[nn.Parameter], names: Sequence[str] | None
) -> list[tuple[nn.Parameter, str]]:
    return list(zip(parameters, names or [""] * len(parameters), strict=True))


def _fill(group: dict[str, Any], entries: Sequence[tuple[str, nn.Parameter]]) -> None:
    group["params"][:] = [parameter for _, parameter in entries]
    if "param_names" in group:
        group["param_names"][:] = [name for name, _ in entries]


def _replaced(
    parameters: Sequence[nn.Parameter],
    names: Sequence[str] | None,
    successors: dict[int, Successors],
) -> list[tuple[str, nn.Parameter]]:
    entries: list[tuple[str, nn.Parameter]] = []
    for parameter, name in _named(parameters, names):
        if id(parameter) not in successors:
            entries.append((name, parameter))
            continue
        module = name.rpartition(".")[0]
        for own, new in successors[id(parameter)]:
            entries.append((f"{module}.{own}" if module else own, new))
    return entries


def _successors(
    pairs: Sequence[tuple[nn.Module, nn.Module]], held: Collection[int]
) -> dict[int, Successors]:
    """Return, for the id of each old parameter, what takes its place."""
    found: dict[int, Successors] = {}
    for old, new in pairs:
        fresh = dict(new.named_parameters())
        before = dict(old.named_parameters())
        for name, parameter in before.items():
            successor = fresh.pop(name, None)
            if successor is not parameter:  # which a user has put on the layer
                found[id(parameter)] = [] if successor is None else [(name, successor)]
        going = [id(p) for p in before.values() if id(p) in found]
        anchors = [one for one in going if one in held] or going
        if going:
            found[anchors[-1]] += fresh.items()
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
