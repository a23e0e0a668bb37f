"""What a run was asked for; goes to spawned children as it is. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Swap:
    """What shall stand where the script constructs nn.LSTM.

    Args:
        cell: Name of an installed cell.
        attention: Name of an installed attention mechanism to put over it, or None.
        options: Keyword-only extras of the cell.
        as_lstm: Whether isinstance(layer, nn.LSTM) is to be True of it.
    """

    cell: str
    attention: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    as_lstm: bool = False

    def __str__(self) -> str:
        attention = "" if self.attention is None else f" with {self.attention}"
        return f"{self.cell}{attention}{' as nn.LSTM' if self.as_lstm else ''}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a script shall run.

    Args:
        clip: A clipping policy's text, such as `norm:1.0` or `none`; rules by name may follow.
        swap: What to construct in place of nn.LSTM; None leaves it.
        on_nonfinite: What to do about gradients that are infinite or NaN.
        seed: For Python's, NumPy's and torch's generators, set before the script starts.
        max_steps: Stop after so many optimizer steps; None for never.
    """

    clip: str = "none"
    swap: Swap | None = None
    on_nonfinite: Literal["warn", "raise", "skip"] = "warn"
    seed: int | None = None
    max_steps: int | None = None
