"""Loads the checkpoint of an LSTM model into the model whose LSTMs were swapped."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from rnnswap.constructors import chosen_options
from rnnswap.discovery import installed
from rnnswap.errors import NoEffectWarning, RnnswapError, SwapError
from rnnswap.patch._intercept import torchs_own
from rnnswap.patch._likeness import arguments_of
from rnnswap.patch._places import walk
from rnnswap.patch._saved import put_saved_cells, take_back
from rnnswap.patch._wrapped import is_sharded
from rnnswap.spec import CELL_MARK, load_target

#: Names that wrappers put before those of the model, and which a checkpoint may have kept.
_PREFIXES = ("module.", "_orig_mod.", "model.")


@dataclass(slots=True, repr=False)
class LoadReport:
    """What became of each entry of a checkpoint; printed, one line a name.

    Attributes:
        copied: Names that were loaded as they are.
        derived: Name to how its value was made of the checkpoint's.
        dropped: Name in the checkpoint to what of it was not used, and why.
        fresh: Names in the model that the checkpoint had nothing for; they keep their values.
        swapped: Names of the nn.LSTMs that became the cell which the checkpoint says was there.
    """

    copied: list[str] = field(default_factory=list)
    derived: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    swapped: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {name: len(getattr(self, name)) for name in self.__slots__}
        if not self.swapped:
            del counts["swapped"]
        lines = [", ".join(f"{count} {name}" for name, count in counts.items())]
        lines += [f"  derived  {name}: {how}" for name, how in self.derived.items()]
        lines += [f"  dropped  {name}: {what}" for name, what in self.dropped.items()]
        lines += [f"  fresh    {name}" for name in self.fresh]
        lines += [f"  swapped  {name}" for name in self.swapped]
        return "\n".join(lines)

    __repr__ = __str__


def load_state_dict_(
    model: nn.Module, checkpoint: Mapping[str, Any], *, strict: bool = True
) -> LoadReport:
    """Load the checkpoint of a model with nn.LSTM into the same model with swapped cells.

    Where the model has a cell and the checkpoint an nn.LSTM's weights, the cell gets what it can
    take over (JANET the forget and cell rows); a cell that can take over nothing keeps its own
    values. Everything else is loaded as `model.load_state_dict` does. A checkpoint that was saved
    from the swapped model loads as it is, also into the model with nn.LSTM: the cell whose name it
    carries is put in first. Either all is loaded or, on an error, nothing.

    Args:
        model: Changed in place. Wrapped in DistributedDataParallel it has other names.
        checkpoint: A state dict.
        strict: Refuse a checkpoint that lacks a name of the model or has one more; otherwise both
            are in the report.

    Returns:
        What was copied, derived, dropped and left fresh, by name.

    Raises:
        SwapError: The checkpoint is no state dict, does not fit, or the model cannot be loaded
            into (meta device, sharded).

    Example:
        >>> swap_(model, "janet")
        >>> print(load_state_dict_(model, torch.load("lstm.pt")))
    """
    if not isinstance(model, nn.Module):
        raise SwapError(f"load_state_dict_ takes a torch.nn.Module, got {type(model).__name__}")
    _check_checkpoint(checkpoint)
    _check_tensors(model)
    metadata = dict(getattr(checkpoint, "_metadata", None) or {})
    swaps = put_saved_cells(model, metadata)
    report = LoadReport(swapped=[one.path for swap in swaps for one in swap.swapped])
    try:
        _load_converted(model, checkpoint, metadata, strict, report)
    except BaseException:
        take_back(swaps)
        raise
    touched = {*report.derived, *report.dropped, *report.fresh}
    report.copied += [name for name in checkpoint if name not in touched]
    if not (report.copied or report.derived):
        text = f"nothing of the checkpoint was loaded{_advice(model, checkpoint)}"
        warnings.warn(text, NoEffectWarning, stacklevel=2)
    return report


def _load_converted(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    metadata: Mapping[str, Any],
    strict: bool,
    report: LoadReport,
) -> None:
    converted: OrderedDict[str, Any] = OrderedDict(checkpoint)
    for path, layer in _cells(model):
        prefix = f"{path}." if path else ""
        lstm = _lstm_at(layer, prefix, checkpoint, metadata, strict)
        if lstm is not None:
            _convert(layer, lstm, prefix, converted, report)
    converted._metadata = metadata  # type: ignore[attr-defined]
    _load(model, checkpoint, converted, strict, report)


def _check_checkpoint(checkpoint: Any) -> None:
    if not isinstance(checkpoint, Mapping):
        hint = "; load the file with torch.load first" if isinstance(checkpoint, str) else ""
        raise SwapError(f"the checkpoint is no state dict but {type(checkpoint).__name__}{hint}")
    strange = [k for k in checkpoint if not isinstance(k, str)]
    if strange:
        raise SwapError(f"the checkpoint's keys are no names of parameters: {strange[0]!r}")
    inside = [k for k, v in checkpoint.items() if isinstance(v, Mapping) and "." not in k]
    if inside and not any(isinstance(v, Tensor) for v in checkpoint.values()):
        raise SwapError(
            f"the checkpoint holds {', '.join(map(repr, inside))} instead of tensors: "
            "give the state dict that is in it"
        )


def _check_tensors(model: nn.Module) -> None:
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if is_sharded(tensor):
            raise SwapError(f"{name} is sharded over devices: load first, then shard")
        if tensor.is_meta:
            raise SwapError(
                f"{name} is on the meta device: give the model memory first "
                "(model.to_empty(device='cpu'))"
            )


def _cells(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that stand where an nn.LSTM or nn.LSTMCell stood, under all their names."""
    base = load_target("rnnswap:RecurrentLayer")
    specs = [entry.spec for entry in installed().cells]
    targets = {t for s in specs for t in (s.target, s.cell_target) if t and not _is_torchs(t)}
    for path, module in walk(model):
        names = {f"{kind.__module__}:{kind.__qualname__}" for kind in type(module).__mro__}
        if isinstance(module, base) or names & targets:
            yield path, module


def _is_torchs(target: str) -> bool:
    return target.startswith("torch.")


def _lstm_at(
    layer: Any,
    prefix: str,
    checkpoint: Mapping[str, Any],
    metadata: Mapping[str, Any],
    strict: bool,
) -> nn.Module | None:
    """Return the nn.LSTM whose weights the checkpoint has at a layer's place; None if none.

    Without `strict` it may have a part of them: the others stay on the meta device.
    """
    saved, lstm = metadata.get(prefix[:-1]), _lstm_like(layer)
    wanted = {name: tuple(p.shape) for name, p in lstm.named_parameters()}
    found = {n: checkpoint[prefix + n] for n in wanted if prefix + n in checkpoint}
    first = next(iter(found), None)
    if first is None or _shape(found[first]) != wanted[first]:
        return None
    own = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    if saved is not None and CELL_MARK in saved:
        return None
    if saved is None and all(own.get(name) == wanted[name] for name in found):
        return None  # a cell with an LSTM's sizes: its own weights, as far as can be told
    for name, shape in wanted.items():
        if name in found or strict:
            _check_weight(prefix + name, found.get(name), shape)
    lstm.load_state_dict(found, assign=True, strict=False)
    return lstm


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _check_weight(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no weight of the nn.LSTM that the checkpoint has there otherwise."""
    if value is None:
        raise SwapError(f"the checkpoint has an nn.LSTM's weights, but no {name}")
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise SwapError(f"{name} in the checkpoint is no floating-point tensor but {kind}")
    if _shape(value) != shape:
        raise SwapError(
            f"{name} in the checkpoint has shape {_shape(value)}, an nn.LSTM there has {shape}"
        )


def _lstm_like(layer: Any) -> nn.Module:
    """Return the nn.LSTM or nn.LSTMCell whose place `layer` can take, without memory."""
    arguments = arguments_of(layer)
    with torchs_own():
        if "num_layers" not in arguments:
            return nn.LSTMCell(**arguments, device="meta")
        lstm = nn.LSTM(**arguments, device="meta")
    lstm.dropout = getattr(layer, "dropout", 0.0)
    return lstm


def _convert(
    layer: nn.Module,
    lstm: nn.Module,
    prefix: str,
    converted: OrderedDict[str, Any],
    report: LoadReport,
) -> None:
    """Put what `layer` takes over of `lstm`, and else its own values, into a state dict."""
    missing = {name for name, p in lstm.named_parameters() if p.is_meta}
    names = [name for name, _ in lstm.named_parameters() if name not in missing]
    own = layer.state_dict()
    from_lstm = getattr(type(layer), "from_lstm", None)
    if from_lstm is None:
        derived: dict[str, Any] = {}
        reason = f"{type(layer).__name__} takes over nothing of it"
        report.dropped |= {prefix + name: reason for name in names}
    else:
        made = from_lstm(_filled(lstm), **chosen_options(layer))
        derived = _derived(made, prefix, names, missing, report)
        for name in derived.keys() - own.keys():  # a parametrization has other names
            report.derived.pop(prefix + name, None)
            report.dropped[prefix + name] = f"the layer keeps no parameter {name}"
    for name in names:
        del converted[prefix + name]
    for name, value in own.items():
        if name in derived:
            converted[prefix + name] = derived[name]
        elif prefix + name not in converted:
            converted[prefix + name] = value
            report.fresh.append(prefix + name)


def _filled(lstm: nn.Module) -> nn.Module:
    """Give memory to what the checkpoint lacks; what is made of that is not used."""
    for name, parameter in list(lstm.named_parameters()):
        if parameter.is_meta:
            like = next(p for p in lstm.parameters() if not p.is_meta)
            zeros = torch.zeros(parameter.shape, dtype=like.dtype, device=like.device)
            setattr(lstm, name, nn.Parameter(zeros))
    return lstm


def _derived(
    made: Any, prefix: str, names: list[str], missing: Set[str], report: LoadReport
) -> dict[str, Any]:
    """Return the values that were made of an nn.LSTM's, and note how."""
    transfer = getattr(made, "transfer_report", None)
    state = {name: value for name, value in made.state_dict().items() if name not in missing}
    if transfer is None:  # a stranger's from_lstm need not say what it did
        how = f"by {type(made).__name__}.from_lstm"
        report.derived |= {prefix + name: how for name in state}
        return state
    copied = [name for name in transfer.copied if name not in missing]
    dropped = {n: gates for n, gates in transfer.dropped.items() if n not in missing}
    for name in copied:
        if name in dropped:
            report.derived[prefix + name] = f"all but the rows of gates {dropped[name]}"
    report.dropped |= {prefix + n: f"rows of gates {gates}" for n, gates in dropped.items()}
    report.dropped |= {prefix + n: "unused" for n in names if n not in copied}
    return {name: value for name, value in state.items() if name in copied}


def _load(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    converted: Mapping[str, Any],
    strict: bool,
    report: LoadReport,
) -> None:
    tensors = [t for t in [*model.parameters(), *model.buffers()] if not is_lazy(t)]
    before = [tensor.detach().clone() for tensor in tensors]
    try:
        # A model's own method may return nothing.
        missing, unexpected = model.load_state_dict(converted, strict=strict) or ((), ())
    except BaseException as error:
        with torch.no_grad():
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)
        if isinstance(error, RuntimeError) and not isinstance(error, RnnswapError):
            raise SwapError(f"{error}{_advice(model, checkpoint)}") from error
        raise
    report.fresh += missing
    report.dropped |= dict.fromkeys(unexpected, "the model has no such name")


def _advice(model: nn.Module, checkpoint: Mapping[str, Any]) -> str:
    """Say what to do if the names differ only in what a wrapper puts before them."""
    names = set(model.state_dict())
    for prefix in _PREFIXES:
        if names & {name.removeprefix(prefix) for name in checkpoint if name.startswith(prefix)}:
            return (
                f"\nThe checkpoint's names begin with {prefix!r}, the model's do not: take it off "
                "(torch.nn.modules.utils.consume_prefix_in_state_dict_if_present)."
            )
        if names & {prefix + name for name in checkpoint}:
            return (
                f"\nThe model's names begin with {prefix!r}, the checkpoint's do not: load into "
                f"model.{prefix[:-1]}."
            )
    return ""


LoadReport.__module__ = load_state_dict_.__module__ = "rnnswap"
