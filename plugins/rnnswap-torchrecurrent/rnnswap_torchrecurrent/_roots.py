"""How each kind of cell is called: with the inputs and nn.LSTM's states, and what it returns."""

from __future__ import annotations

from typing import Any

import torchrecurrent
from torch import Tensor, nn
from torchrecurrent import base


class _Root(nn.Module):
    """Calls a cell.

    Attributes:
        states: 1: (h,); 2: (h, c).
        reads_h: Whether the first of two states is read at all.
        reads_last: Whether the cell also reads the input of the step before.
        same_width: Whether the cell's input must be as wide as its output.
    """

    states = 2
    reads_h = True
    reads_last = False
    same_width = False

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell


class Single(_Root):
    """One state, which is the output."""

    states = 1

    def forward(self, x: Tensor, h: Tensor) -> Any:
        """Return the new state."""
        return (self.cell(x, h),)


class Double(_Root):
    """Two states, of which the first is the output."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        """Return the new states."""
        return self.cell(x, (h, c))


class Apart(_Root):
    """One state, c, and an output apart from it, h, into which the input is mixed."""

    reads_h = False
    same_width = True

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        """Return output and new state."""
        return self.cell(x, c)


class DoubleApart(_Root):
    """Two states, and an output apart from both."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        """Return the output and the new states."""
        output, (h, c) = self.cell(x, (h, c))
        return output, h, c


class Delayed(_Root):
    """Reads the state before the last one too: c."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        """Return the new states."""
        return self.cell(x, h, c), h


class LastInput(_Root):
    """One state, which is the output; reads the input of the step before."""

    states = 1
    reads_last = True

    def forward(self, x: Tensor, last: Tensor, h: Tensor) -> Any:
        """Return the new state."""
        return (self.cell(x, (h, last))[0],)


class LastInputApart(_Root):
    """One state, c, and an output apart from it, h; reads the input of the step before."""

    reads_h = False
    reads_last = True

    def forward(self, x: Tensor, last: Tensor, h: Tensor, c: Tensor) -> Any:
        """Return output and new state."""
        output, (c, _) = self.cell(x, (c, last))
        return output, c


_BY_BASE: dict[Any, type[_Root]] = {
    base.SingleStateCellBase: Single,
    base.DoubleStateCellBase: Double,
    base.DecoupledSingleStateCellBase: Apart,
    base.DecoupledDoubleStateCellBase: DoubleApart,
}
#: Those that are called in another way than their base says.
_BY_CELL: dict[Any, type[_Root]] = {
    torchrecurrent.tauGRUCell: Delayed,
    torchrecurrent.TGRUCell: LastInput,
    torchrecurrent.TLSTMCell: LastInputApart,
}


def root_of(cell: type[nn.Module]) -> type[_Root]:
    """Return how a cell class is called."""
    if cell in _BY_CELL:
        return _BY_CELL[cell]
    return next(root for kind, root in _BY_BASE.items() if issubclass(cell, kind))
