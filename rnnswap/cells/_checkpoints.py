"""Says in a state dict which cell saved it, and refuses one that another recurrence saved.

The parameters of every cell have nn.LSTM's names, so without this a checkpoint of the wrong
recurrence would fail with a list of sizes, or, where the sizes happen to agree, not at all. The
name stands in the state dict's metadata, beside torch's own version number: no key is added.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from torch import nn

from rnnswap.constructors import chosen_options
from rnnswap.spec import CELL_CLASSES, CELL_MARK, CELL_OPTIONS


def recurrence_of(kind: type) -> str:
    """Return the name of the class that `kind` has its recurrence from: IndRNNv2's is IndRNN."""
    owners = (c for c in kind.__mro__ if {"step", "run_steps", "run_direction"} & set(vars(c)))
    return next(owners, kind).__name__


class SaysItsCell(nn.Module):
    """A module whose state dict says which recurrence saved it, and that loads no other's."""

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        metadata = getattr(destination, "_metadata", {})  # a caller's own dict has none
        if prefix[:-1] in metadata:
            kinds = [k for k in type(self).__mro__ if issubclass(k, SaysItsCell)]
            metadata[prefix[:-1]] |= {
                CELL_MARK: recurrence_of(type(self)),
                CELL_CLASSES: [f"{kind.__module__}:{kind.__qualname__}" for kind in kinds],
                CELL_OPTIONS: {n: v for n, v in chosen_options(self).items() if _is_plain(v)},
            }

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, *lists: list[str]
    ) -> None:
        reason = _refusal(self, state_dict, prefix, local_metadata)
        if reason is None:
            super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)
        else:
            lists[-1].append(reason)  # the error messages


def _is_plain(value: Any) -> bool:
    """Whether torch.load(weights_only=True) takes a value, as it takes the rest of a state dict."""
    if type(value) in (tuple, list):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _refusal(
    module: nn.Module, state_dict: Mapping[str, Any], prefix: str, metadata: Mapping[str, Any]
) -> str | None:
    """Return why a cell must not load what the state dict has for it; None if nothing is known.

    Warns if another recurrence saved tensors that happen to have the right sizes.
    """
    saved, own = metadata.get(CELL_MARK), recurrence_of(type(module))
    place = prefix[:-1] or "the module"
    if saved == own:
        return None
    if saved is not None and _fits(module, state_dict, prefix):
        warnings.warn(
            f"{place} is of cell {own} and loads weights that cell {saved} saved: the sizes agree, "
            "the recurrences need not",
            stacklevel=2,
        )
        return None
    if saved is not None:
        return f"{place} is of cell {own}, the checkpoint has the weights of cell {saved} there"
    if not _has_gates(4, module, state_dict, prefix) or _fits(module, state_dict, prefix):
        return None
    return (
        f"{place} is of cell {own}, the checkpoint has the weights of an nn.LSTM there (4 gates): "
        "rnnswap.load_state_dict_(model, checkpoint) loads what can be carried over and says what "
        "cannot"
    )


def _fits(module: nn.Module, state_dict: Mapping[str, Any], prefix: str) -> bool:
    """Whether every parameter that the state dict has for the module itself has its size."""
    own = {prefix + name: p for name, p in module._parameters.items() if p is not None}
    found = [name for name in own if name in state_dict]
    return bool(found) and all(state_dict[n].shape == own[n].shape for n in found)


def _has_gates(count: int, module: Any, state_dict: Mapping[str, Any], prefix: str) -> bool:
    """Whether the input's weights have `count` gates of the module's units."""
    weight = state_dict.get(prefix + "weight_ih_l0", state_dict.get(prefix + "weight_ih"))
    shape = tuple(getattr(weight, "shape", ()))
    return shape == (count * module.hidden_size, module.input_size)


def _name_cells_in(kind: type[nn.Module]) -> None:
    """Make a class of torch's name the cell when it is given a checkpoint that a cell saved.

    It loads everything else as before. Only the class that loads can write the message, so there
    is no other way to it.
    """
    plain = kind._load_from_state_dict

    def _load_from_state_dict(
        self: Any, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any
    ) -> None:
        saved = local_metadata.get(CELL_MARK)
        # A cell that is torch's class as well has looked at it already.
        own = isinstance(self, SaysItsCell)
        if saved is None or own or _fits(self, state_dict, prefix):
            plain(self, state_dict, prefix, local_metadata, *rest)
            return
        rest[-1].append(  # the error messages
            f"{prefix[:-1] or 'the module'} is a torch.nn.{kind.__name__}, the checkpoint has the "
            f"weights of cell {saved} there: put that cell into the model first (rnnswap.swap_), "
            "then load; rnnswap.load_state_dict_(model, checkpoint) does both"
        )

    if "_load_from_state_dict" not in vars(kind):
        kind._load_from_state_dict = _load_from_state_dict  # type: ignore[assignment]


for _kind in (nn.LSTM, nn.LSTMCell):
    _name_cells_in(_kind)
