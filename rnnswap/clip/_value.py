"""`value:LIMIT`: every element on its own, symmetric, at the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnswap import policy_text
from rnnswap.clip._clamp import clamp_, clamp_measured_
from rnnswap.clip._policy import ClipPolicy, ClipResult, positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class ValueClip(ClipPolicy):
    """Clamp every element of every gradient to [-limit, limit], as torch's clip_grad_value_.

    Args:
        limit: Largest absolute value allowed, > 0.

    Raises:
        ClipError: `limit` is not a number above zero.

    Example:
        >>> str(ValueClip(0.5))
        'value:0.5'
    """

    __module__ = "rnnswap.clip"

    limit: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", positive("value", "limit", self.limit))

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Clamp in place; sparse and complex gradients are refused."""
        return clamp_measured_(parameters, -self.limit, self.limit, str(self))

    def bound_(self, parameters: Sequence[Tensor]) -> Tensor:
        """Clamp as `clip_` does, without measuring."""
        return clamp_(parameters, -self.limit, self.limit, str(self))

    def __str__(self) -> str:
        return f"value:{policy_text.format_number(self.limit)}"
