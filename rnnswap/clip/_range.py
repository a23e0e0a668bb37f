"""`range:LOW,HIGH`: every element on its own, asymmetric, at the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnswap import policy_text
from rnnswap.clip._clamp import clamp_, clamp_measured_
from rnnswap.clip._policy import ClipPolicy, ClipResult, bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class RangeClip(ClipPolicy):
    """Clamp every element of every gradient to [low, high], once, where the step uses it.

    What people mean by a hook with two bounds: after accumulation, a GradScaler's unscaling and
    DDP's averaging. Bounds that are not symmetric shift the mean of the gradients.

    Args:
        low: Smallest value allowed, <= 0.
        high: Largest value allowed, >= 0.

    Raises:
        ClipError: A bound is not a number, or 0 does not lie between them: every gradient would
            be shifted, those that are zero too.

    Example:
        >>> str(RangeClip(-0.1, 1))
        'range:-0.1,1.0'
    """

    __module__ = "rnnswap.clip"

    low: float
    high: float

    def __post_init__(self) -> None:
        low, high = bounds("range", self.low, self.high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Clamp in place; sparse and complex gradients are refused."""
        return clamp_measured_(parameters, self.low, self.high, str(self))

    def bound_(self, parameters: Sequence[Tensor]) -> Tensor:
        """Clamp as `clip_` does, without measuring."""
        return clamp_(parameters, self.low, self.high, str(self))

    def __str__(self) -> str:
        low, high = (policy_text.format_number(n) for n in (self.low, self.high))
        return f"range:{low},{high}"
