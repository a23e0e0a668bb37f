"""`none`: gradients are left as they are, and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnswap.clip._measure import gradients, total_norm, unchanged
from rnnswap.clip._policy import ClipPolicy, ClipResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class NoClip(ClipPolicy):
    """Leave every gradient as it is; the results still carry the 2-norm.

    Example:
        >>> str(NoClip())
        'none'
    """

    __module__ = "rnnswap.clip"

    acts_at = "never"

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Measure the gradients; sparse and complex ones too."""
        norm = total_norm(gradients(parameters))
        return ClipResult(norm, norm, unchanged(norm))

    def __str__(self) -> str:
        return "none"
