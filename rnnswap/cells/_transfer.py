"""Carries what fits of an nn.LSTM's weights over to a cell, and says what did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rnnswap.errors import UnsupportedError

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


def refuse_other_than_lstm(layer: nn.Module, cell: str) -> None:
    """Raise UnsupportedError unless `layer` is an nn.LSTM."""
    if not isinstance(layer, nn.LSTM):
        raise UnsupportedError(
            f"{cell}.from_lstm takes a torch.nn.LSTM, got {type(layer).__name__}"
        )
