"""`layer-norm:MAX_NORM`: the gradient of each parameter scaled on its own, at the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnswap import policy_text
from rnnswap.clip._gradients import EPSILON, Gradients, factor_for, gradients, total_of
from rnnswap.clip._policy import ClipPolicy, ClipResult, positive
from rnnswap.clip._rows import scaled_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class LayerNormClip(ClipPolicy):
    """Scale the gradient of each parameter tensor so its own 2-norm stays under a bound.

    g_i <- g_i * min(1, max_norm / (|g_i| + 1e-6)): torch's clip_grad_norm_ called for each
    parameter of the optimizer by itself, so that one exploding layer does not shrink the others.

    Args:
        max_norm: Largest norm of one parameter's gradient allowed, > 0.

    Raises:
        ClipError: `max_norm` is not a number above zero.

    Example:
        >>> str(LayerNormClip(1))
        'layer-norm:1.0'
    """

    __module__ = "rnnswap.clip"

    max_norm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_norm", positive("layer-norm", "max_norm", self.max_norm))

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Scale in place; sparse gradients are refused."""
        grads = Gradients(gradients(parameters), str(self))
        found = scaled_rows(grads, None, self.max_norm, epsilon=EPSILON)
        if found is not None:
            return found
        norms = grads.norms()
        factors = factor_for(self.max_norm, norms)
        grads.scale_each_(factors)
        share = grads.share_of(factors < 1)
        return ClipResult(total_of(norms), total_of(norms * factors), share, norms)

    def bound_(self, parameters: Sequence[Tensor]) -> ClipResult | Tensor:
        """Scale as `clip_` does."""
        grads = Gradients(gradients(parameters), str(self))
        found = scaled_rows(grads, None, self.max_norm, epsilon=EPSILON)
        if found is not None:
            return found
        norms = grads.norms()
        grads.scale_each_(factor_for(self.max_norm, norms))
        return norms

    def __str__(self) -> str:
        return f"layer-norm:{policy_text.format_number(self.max_norm)}"
