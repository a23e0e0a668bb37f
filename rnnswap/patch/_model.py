"""Swaps recurrent layers in a live model, in place, and back."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from rnnswap.discovery import installed
from rnnswap.errors import NoEffectWarning, OptionError, SwapError, UnsupportedError
from rnnswap.patch._as_lstm import cell_of
from rnnswap.patch._carry import build, left_behind, move_hooks
from rnnswap.patch._optim import OptimizerChange, as_optimizers, check_optimizers, replacing
from rnnswap.patch._places import Place, places_of, walk
from rnnswap.patch._replacement import Replacement, reason_left, replacements
from rnnswap.patch._report import Action, Left, Swapped, SwapReport
from rnnswap.patch._wrapped import (
    beyond_reach,
    compiled_above,
    is_compiled,
    refuse_held,
    refuse_wrapped,
    special,
    without_compiler,
)

#: A glob on a module's dotted name, several, or a predicate on (name, module).
Where = str | Sequence[str] | Callable[[str, nn.Module], bool]


def swap_(
    model: nn.Module,
    cell: str = "janet",
    *,
    source: str = "lstm",
    attention: str | None = None,
    where: Where | None = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
    weights: str = "fresh",
    options: Mapping[str, Any] | None = None,
    as_lstm: bool = False,
) -> SwapReport:
    """Replace every nn.LSTM in `model` by `cell`, in place.

    Device, dtype, train flag, requires_grad, hooks of the layer and of its parameters, what the
    user has put on the layer and the order of parameters survive. A module reachable under several
    names, or kept in a list, tuple, set or dict beside the model's children as well, stays one
    module. Subclasses of the source class are left and reported. Either everything is swapped or,
    on an error, nothing.

    Args:
        model: Any module; if it is itself an nn.LSTM, the new one is `report.model`.
        cell: Name of an installed cell.
        source: The cell whose class is replaced.
        attention: Name of an attention mechanism to put over the cell's output.
        where: Which modules, by dotted name: a glob, several, or a predicate on (name, module).
        optimizer: One or several that hold the model's parameters; the new ones take the places of
            the old in their groups. Without it, construct optimizers after the swap.
        weights: "fresh", or "transfer": start from what the cell can take over of nn.LSTM's.
        options: Keyword-only extras of the cell.
        as_lstm: Put in a class that is nn.LSTM's subclass too, for code that asks
            isinstance(layer, nn.LSTM). torch.compile breaks the graph there, as at an nn.LSTM.

    Returns:
        What was swapped and left; `undo()` brings back the very same objects.

    Raises:
        UnknownNameError: A name is not installed.
        OptionError: The cell has no such option, or an argument makes no sense.
        UnsupportedError: The cell takes over no weights, and "transfer" was asked for.
        SwapError: The model is wrapped (DistributedDataParallel, FSDP), a layer cannot be built
            (names the layer), or no given optimizer holds a parameter that is replaced.

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
    pairs = replacements(cell, source, attention, options, as_lstm)
    _check_weights(weights, pairs)
    refuse_wrapped(model)
    optimizers = as_optimizers(optimizer)
    report = SwapReport(model)
    found = _find(model, pairs, report)
    plans = [plan for plan in found if _wanted(where, plan)]
    modules = [plan.module for plan in plans]
    refuse_held((plan.paths[0], plan.module) for plan in plans)
    check_optimizers(optimizers, modules)
    transfer = weights == "transfer"
    built = [build(plan.paths[0], plan.module, plan.pair, transfer) for plan in plans]
    pairing = list(zip(modules, built, strict=True))
    report.notes += (
        note for plan, new in zip(plans, built, strict=True) if (note := _lost(plan, new))
    )
    places = places_of(pairing, model)
    try:
        for plan, new in zip(plans, built, strict=True):
            _install(plan, new, places[id(plan.module)], report)
        for change in replacing(optimizers, pairing):
            _make(change, report)
    except BaseException:
        report._take_back()
        raise
    if not plans:
        _warn_of_nothing(report, pairs, source, where, found)
    report.notes += (
        f"{path or 'the model'} is compiled: its next call compiles it anew"
        for path in compiled_above(report.model, built)
    )
    return report


@dataclass(slots=True)
class _Plan:
    """A module to replace, and its names."""

    module: nn.Module
    pair: Replacement
    paths: list[str]


def _find(model: nn.Module, pairs: Sequence[Replacement], report: SwapReport) -> list[_Plan]:
    plans: dict[int, _Plan] = {}
    left: dict[int, Left] = {}
    owners: dict[int, set[int]] = {}
    compiled = {id(m._orig_mod) for m in model.modules() if is_compiled(m)}
    inner = without_compiler(model)
    for module in inner.modules():
        for parameter in module._parameters.values():
            owners.setdefault(id(parameter), set()).add(id(module))
    for path, module in walk(inner):
        if id(module) in plans:
            plans[id(module)].paths.append(path)
            continue
        pair = next((p for p in pairs if cell_of(type(module)) is p.source and p.target), None)
        reasons = (beyond_reach(module, p.source) for p in pairs)
        reason = special(module, owners, compiled) if pair else next(filter(None, reasons), None)
        reason = reason or (None if pair else reason_left(type(module), pairs))
        if reason:
            left.setdefault(id(module), Left(path, module, reason))
        elif pair is not None and pair.target is not pair.source:
            plans[id(module)] = _Plan(module, pair, [path])
    report.left += left.values()
    return list(plans.values())


def _lost(plan: _Plan, new: nn.Module) -> str:
    names = ", ".join(left_behind(plan.module, new))
    place = plan.paths[0] or "the model"
    return names and f"{place}: {type(new).__name__} has its own {names}, the layer's is not kept"


def _install(plan: _Plan, new: nn.Module, places: Iterable[Place], report: SwapReport) -> None:
    old, changes = plan.module, report._changes
    changes.append(Action(move_hooks(old, new)))
    for place in places:
        place.prepare(plan.paths[0])
        _make(place, report)
    if plan.paths[0] == "":
        report.model = new
        changes.append(Action(lambda: setattr(report, "model", old)))
    first, *aliases = plan.paths
    transfer = getattr(new, "transfer_report", None)
    report.swapped.append(Swapped(first, old, new, tuple(aliases), transfer))


def _make(change: Place | OptimizerChange, report: SwapReport) -> None:
    """Note the change before it is made, so that one cut short is taken back too."""
    report._changes.append(change)
    change.apply()


def _wanted(where: Where | None, plan: _Plan) -> bool:
    if where is None:
        return True
    if callable(where):
        return any(where(path, plan.module) for path in plan.paths)
    globs = [where] if isinstance(where, str) else where
    return any(fnmatch.fnmatchcase(path, glob) for path in plan.paths for glob in globs)


def _check_where(where: Any) -> None:
    globs = [where] if isinstance(where, str) else where
    if globs is None or callable(globs):
        return
    if not isinstance(globs, Sequence) or not all(isinstance(g, str) for g in globs):
        raise OptionError(
            f"where takes a glob, several, or a function of (name, module), got {where!r}"
        )


def _check_weights(weights: Any, pairs: Sequence[Replacement]) -> None:
    if weights not in ("fresh", "transfer"):
        raise OptionError(f"weights must be 'fresh' or 'transfer', got {weights!r}")
    if weights == "fresh":
        return
    if pairs[0].source is not nn.LSTM:
        raise OptionError(
            "weights='transfer' takes over nn.LSTM's weights, the source is "
            f"{pairs[0].source.__name__}"
        )
    spec = pairs[0].spec
    if not spec.transfers:
        able = ", ".join(e.name for e in installed().cells if e.spec.transfers) or "none"
        raise UnsupportedError(
            f"cell {spec.name!r} takes over no weights of nn.LSTM (cells that do: {able})"
        )


def _warn_of_nothing(
    report: SwapReport,
    pairs: Sequence[Replacement],
    source: str,
    where: Where | None,
    found: Sequence[_Plan],
) -> None:
    model = without_compiler(report.model)
    kind, name = pairs[0].source.__name__, type(model).__name__
    if found:
        names = ", ".join(plan.paths[0] or "(the model itself)" for plan in found[:10])
        text = f"where={where!r} takes none of the {len(found)} to swap in {name}: {names}"
    else:
        text = f"no {kind} to swap was found in {name}{_other_cells(model, source)}"
        for one in report.left[:1]:
            text += f"; {len(report.left)} left, the first: {one.path or name}, {one.reason}"
    warnings.warn(text, NoEffectWarning, stacklevel=3)


def _other_cells(model: nn.Module, source: str) -> str:
    """Name the registered cells that are in the model instead of the source, for messages."""
    inside = {cell_of(type(m)) for m in model.modules()}
    kinds = {f"{kind.__module__}:{kind.__name__}" for kind in inside}
    found = [e.name for e in installed().cells if e.spec.target in kinds and e.name != source]
    return f"; there is {found[0]}: name it with source={found[0]!r}" if found else ""


swap_.__module__ = "rnnswap"
