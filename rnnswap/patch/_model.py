"""Swaps recurrent layers in a live model, in place, and back."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from rnnswap.discovery import installed
from rnnswap.errors import NoEffectWarning, OptionError, RnnswapError, SwapError
from rnnswap.patch._optim import (
    OptimizerBackup,
    as_optimizers,
    check_optimizers,
    replace_parameters,
)
from rnnswap.patch._replacement import Replacement, in_one_line, reason_left, replacements

#: A glob on a module's dotted name, several, or a predicate on (name, module).
Where = str | Sequence[str] | Callable[[str, nn.Module], bool]

_LAYER_ATTRIBUTES = (
    "input_size",
    "hidden_size",
    "num_layers",
    "bias",
    "batch_first",
    "bidirectional",
    "proj_size",
)
_SHARED_HOOKS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_is_full_backward_hook",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
)


@dataclass(frozen=True, slots=True)
class Swapped:
    """One replaced module under its first dotted name ("" for the root)."""

    path: str
    before: nn.Module
    after: nn.Module


@dataclass(frozen=True, slots=True)
class Left:
    """One module that was left as it is, and why."""

    path: str
    module: nn.Module
    reason: str


@dataclass(slots=True)
class SwapReport:
    """What `swap_` did.

    Attributes:
        model: The model; another object than was handed in only if its root was replaced.
        swapped: Every replaced module.
        left: Every LSTM that was left, with the reason.
    """

    model: nn.Module
    swapped: list[Swapped] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    _undo: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def undo(self) -> nn.Module:
        """Put the very same modules back, optimizers included, and return the model.

        A second call changes nothing.
        """
        while self._undo:
            self._undo.pop()()
        return self.model

    def __str__(self) -> str:
        lines = [f"{len(self.swapped)} swapped, {len(self.left)} left"]
        for s in self.swapped:
            counts = [sum(p.numel() for p in m.parameters()) for m in (s.before, s.after)]
            lines.append(
                f"  {_named(s.path)}: {in_one_line(s.before)} -> {in_one_line(s.after)}, "
                f"{counts[0]} -> {counts[1]} parameters"
            )
        for m in self.left:
            lines.append(f"  {_named(m.path)}: {in_one_line(m.module)} left, {m.reason}")
        return "\n".join(lines)


def swap_(
    model: nn.Module,
    cell: str = "janet",
    *,
    source: str = "lstm",
    attention: str | None = None,
    where: Where | None = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
    options: Mapping[str, Any] | None = None,
) -> SwapReport:
    """Replace every nn.LSTM in `model` by `cell`, in place.

    The new layers have fresh weights. Device, dtype, train flag, requires_grad, forward and
    backward hooks and the order of parameters survive; a module reachable under several names stays
    one module. Subclasses of the source class are left and reported. Either everything is swapped
    or, on an error, nothing.

    Args:
        model: Any module; if it is itself an nn.LSTM, the new one is `report.model`.
        cell: Name of an installed cell.
        source: The cell whose class is replaced.
        attention: Name of an attention mechanism to put over the cell's output.
        where: Which modules, by dotted name: a glob, several, or a predicate on (name, module).
        optimizer: One or several that hold the model's parameters; the new ones take the places of
            the old in their groups. Without it, construct optimizers after the swap.
        options: Keyword-only extras of the cell.

    Returns:
        What was swapped and left; `undo()` brings back the very same objects.

    Raises:
        UnknownNameError: A name is not installed.
        OptionError: The cell has no such option, or cell and source are the same.
        SwapError: The model is wrapped, a layer cannot be built (names the layer), or no given
            optimizer holds a parameter that is replaced.

    Example:
        >>> report = swap_(model, "janet", where="encoder.*")
        >>> model = report.model
    """
    if not isinstance(model, nn.Module):
        raise SwapError(f"swap_ takes a torch.nn.Module, got {type(model).__name__}")
    if cell == source and attention is None:
        raise OptionError(
            f"cell and source are both {cell!r}: nothing would change{_other_cells(model, source)}"
        )
    _check_where(where)
    _refuse_wrapped(model)
    optimizers = as_optimizers(optimizer)
    pairs = replacements(cell, source, attention, options)
    report = SwapReport(model)
    plans = [p for p in _find(model, pairs, report) if _wanted(where, p)]
    check_optimizers(optimizers, [plan.module for plan in plans])
    built = [_build(plan) for plan in plans]
    for plan, new in zip(plans, built, strict=True):
        _install(plan, new, report)
    changed = [(plan.module, new) for plan, new in zip(plans, built, strict=True)]
    for one in optimizers:
        backup: OptimizerBackup = replace_parameters(one, changed)
        report._undo.append(backup.restore)
    if not plans:
        warnings.warn(
            f"no {pairs[0].source.__name__} to swap was found in {type(model).__name__}"
            f"{_other_cells(model, source)}",
            NoEffectWarning,
            stacklevel=2,
        )
    return report


def _named(path: str) -> str:
    return path or "(the model itself)"


def _other_cells(model: nn.Module, source: str) -> str:
    """Name the registered cells that are in the model instead of the source, for messages."""
    kinds = {f"{type(m).__module__}:{type(m).__name__}" for m in model.modules()}
    found = [e.name for e in installed().cells if e.spec.target in kinds and e.name != source]
    return f"; there is {found[0]}: name it with source={found[0]!r}" if found else ""


def _check_where(where: Any) -> None:
    globs = [where] if isinstance(where, str) else where
    if globs is None or callable(globs):
        return
    if not isinstance(globs, list | tuple) or not all(isinstance(g, str) for g in globs):
        raise OptionError(
            f"where takes a glob, several, or a function of (name, module), got {where!r}"
        )


@dataclass(slots=True)
class _Plan:
    """A module to replace: its names, and every place that holds it."""

    module: nn.Module
    pair: Replacement
    paths: list[str]
    holders: list[tuple[nn.Module, str]]


def _find(model: nn.Module, pairs: Sequence[Replacement], report: SwapReport) -> list[_Plan]:
    plans: dict[int, _Plan] = {}
    left: set[int] = set()
    parents = dict(model.named_modules(remove_duplicate=False))
    owners: dict[int, set[int]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            owners.setdefault(id(parameter), set()).add(id(module))
    for path, module in parents.items():
        pair = next((p for p in pairs if type(module) is p.source and p.target), None)
        reason = _special(module, owners) if pair else reason_left(type(module), pairs)
        if reason and id(module) not in left:
            left.add(id(module))
            report.left.append(Left(path, module, reason))
        if pair is None or reason or pair.target is pair.source:
            continue
        plan = plans.setdefault(id(module), _Plan(module, pair, [], []))
        plan.paths.append(path)
        if path:
            parent, _, name = path.rpartition(".")
            plan.holders.append((parents[parent], name))
    return list(plans.values())


def _special(module: nn.Module, owners: Mapping[int, set[int]]) -> str | None:
    """Return what is special about this one layer, so that replacing it would lose something."""
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    names = getattr(module, "_flat_weights_names", ())
    if any(not isinstance(module._parameters.get(name), nn.Parameter) for name in names):
        return "its weights are computed from others (weight_norm or the like)"
    for name, parameter in module._parameters.items():
        if parameter is not None and len(owners[id(parameter)]) > 1:
            return f"{name} is shared with another module"
    return None


def _wanted(where: Where | None, plan: _Plan) -> bool:
    if where is None:
        return True
    if callable(where):
        return any(where(path, plan.module) for path in plan.paths)
    globs = [where] if isinstance(where, str) else where
    return any(fnmatch.fnmatchcase(path, glob) for path in plan.paths for glob in globs)


def _build(plan: _Plan) -> nn.Module:
    """Return the new layer, with everything of the old one but its weights."""
    old = plan.module
    weights = next(old.parameters())
    arguments = {name: getattr(old, name) for name in _LAYER_ATTRIBUTES if hasattr(old, name)}
    try:
        new = plan.pair.construct(**arguments, device=weights.device, dtype=weights.dtype)
    except (RnnswapError, RuntimeError, TypeError, ValueError, MemoryError) as error:
        raise SwapError(
            f"{plan.paths[0] or 'the model'}: {old} cannot become {plan.pair.spec.name!r}: {error}"
        ) from error
    if hasattr(old, "dropout"):
        # Set, not handed over: with one layer the constructor warns, which the old one did already.
        new.dropout = old.dropout
    new.train(old.training)
    flags = {name: p.requires_grad for name, p in old.named_parameters()}
    for name, parameter in new.named_parameters():
        parameter.requires_grad_(flags.get(name, any(flags.values())))
    for name, value in vars(old).items():
        if not name.startswith("_") and name not in vars(new) and not hasattr(type(new), name):
            setattr(new, name, value)  # what the user has put on the layer
    for name in _SHARED_HOOKS:
        # The same dictionaries, so that the handles that clients hold keep working.
        setattr(new, name, getattr(old, name))
    return new


def _install(plan: _Plan, new: nn.Module, report: SwapReport) -> None:
    old = plan.module
    for parent, name in plan.holders:
        parent._modules[name] = new
    if "" in plan.paths:
        report.model = new

    def undo() -> None:
        for parent, name in plan.holders:
            parent._modules[name] = old
        if "" in plan.paths:
            report.model = old

    report._undo.append(undo)
    report.swapped.append(Swapped(plan.paths[0], old, new))


def _refuse_wrapped(model: nn.Module) -> None:
    """Refuse a model whose wrapper has already taken its parameters."""
    for path, module in model.named_modules():
        names = {base.__name__ for base in type(module).__mro__}
        wrapper = names & {"DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule"}
        if wrapper:
            raise SwapError(
                f"{path or 'the model'} is wrapped in {wrapper.pop()}, which holds the present "
                "parameters: swap first, then wrap"
            )
        if isinstance(module, torch._dynamo.eval_frame.OptimizedModule):
            raise SwapError(
                f"{path or 'the model'} is compiled: swap the original model, then compile again"
            )


swap_.__module__ = SwapReport.__module__ = "rnnswap"
