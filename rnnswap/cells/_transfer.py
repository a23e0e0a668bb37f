"""Carries what fits of an nn.LSTM's weights over to a cell, and says what did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.errors import UnsupportedError
from rnnswap.spec import LAYER_ARGUMENTS

#: Rows of nn.LSTM's weights, in units of H.
LSTM_GATES = ("i", "f", "g", "o")


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What became of each parameter of the nn.LSTM.

    Attributes:
        copied: Names of parameters whose kept rows were copied.
        dropped: Name to the gates whose rows had no place.
        fresh: Names of the cell's parameters that nothing was copied into.
    """

    copied: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"copied: {', '.join(self.copied) or 'nothing'}"]
        lines += [f"dropped: {name}, rows of gates {gates}" for name, gates in self.dropped.items()]
        if self.fresh:
            lines.append(f"fresh: {', '.join(self.fresh)}")
        return "\n".join(lines)


def copy_gates(
    source: Mapping[str, Tensor], layer: nn.Module, rows: Sequence[str]
) -> TransferReport:
    """Copy the rows of the gates `rows`, in that order, into `layer`'s parameters.

    Args:
        source: nn.LSTM's parameters by name.
        layer: Has parameters of the same names, with len(rows) * H rows; changed in place.
        rows: Gates of nn.LSTM ("i", "f", "g", "o") in the order of the layer's rows.
    """
    report = TransferReport()
    dropped = ", ".join(gate for gate in LSTM_GATES if gate not in rows)
    with torch.no_grad():
        for name, target in layer.named_parameters():
            if name not in source:
                report.fresh.append(name)
                continue
            value = source[name]
            if not name.startswith("weight_hr"):  # the projection belongs to no gate
                gates = dict(zip(LSTM_GATES, value.chunk(4), strict=True))
                value = torch.cat([gates[gate] for gate in rows])
                report.dropped[name] = dropped
            target.copy_(value)
            report.copied.append(name)
    return report


def layer_from_lstm(
    cls: type[Any], lstm: nn.LSTM, rows: Sequence[str], options: Mapping[str, Any]
) -> Any:
    """Return a layer of class `cls` that is like `lstm` and has the rows of the gates `rows`.

    Raises:
        UnsupportedError: `lstm` is not an nn.LSTM.
    """
    _refuse_other(nn.LSTM, lstm, cls)
    # By attribute: a parametrization computes what a parameter's name then holds.
    values = {name: getattr(lstm, name) for names in lstm._all_weights for name in names}
    like = lstm.weight_ih_l0
    arguments = {name: getattr(lstm, name) for name in LAYER_ARGUMENTS}
    layer = cls(**arguments, device=like.device, dtype=like.dtype, **options)
    layer.dropout = lstm.dropout
    _fill(layer, lstm, values, rows)
    return layer


def cell_from_lstm(
    cls: type[Any], cell: nn.LSTMCell, rows: Sequence[str], options: Mapping[str, Any]
) -> Any:
    """Return a single-step cell of class `cls`, as `layer_from_lstm` a layer."""
    _refuse_other(nn.LSTMCell, cell, cls)
    like = cell.weight_ih
    sizes = (cell.input_size, cell.hidden_size, cell.bias)
    made = cls(*sizes, device=like.device, dtype=like.dtype, **options)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    values = {name: getattr(cell, name) for name in names if getattr(cell, name) is not None}
    _fill(made, cell, values, rows)
    return made


def _fill(made: Any, source: nn.Module, values: Mapping[str, Tensor], rows: Sequence[str]) -> None:
    made.train(source.training)
    made._transfer_report = copy_gates(values, made, rows)


def _refuse_other(wanted: type[nn.Module], given: object, cls: type[nn.Module]) -> None:
    if not isinstance(given, wanted):
        raise UnsupportedError(
            f"{cls.__name__}.from_lstm takes a torch.nn.{wanted.__name__}, "
            f"got {type(given).__name__}"
        )
