"""`none`: gradients are left as they are, and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rnnswap.clip._gradients import Gradients, gradients, total_of, unchanged
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
        norms = Gradients([_stored(g) for g in gradients(parameters)], "none").norms()
        norm = total_of(norms)
        return ClipResult(norm, norm, unchanged(norm), norms)

    def __str__(self) -> str:
        return "none"


def _stored(gradient: Tensor) -> Tensor:
    """Return the stored elements of a sparse gradient, a dense one as it is."""
    if gradient.layout is torch.strided:
        return gradient
    return gradient.coalesce().values() if gradient.is_sparse else gradient.values()
