"""`norm:MAX_NORM[,p=P]`: all gradients of an optimizer scaled together, at the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnswap import policy_text
from rnnswap.clip._gradients import Gradients, factor_for, gradients, total_of
from rnnswap.clip._policy import ClipPolicy, ClipResult, positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class NormClip(ClipPolicy):
    """Scale all gradients of an optimizer so their norm stays under a bound (clip_grad_norm_).

    g <- g * min(1, max_norm / (|g| + 1e-6)), |g| over all elements of all gradients, on all
    processes that share them. Complex gradients count by their absolute values; sparse ones are
    refused.

    Args:
        max_norm: Largest norm allowed, > 0.
        p: Order of the norm, > 0; `math.inf` for the largest absolute value.

    Raises:
        ClipError: `max_norm` or `p` is not a number above zero.

    Example:
        >>> str(NormClip(1, p=math.inf))
        'norm:1.0,p=inf'
    """

    __module__ = "rnnswap.clip"

    bounds_total = True

    max_norm: float
    p: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_norm", positive("norm", "max_norm", self.max_norm))
        object.__setattr__(self, "p", positive("norm", "p", self.p))

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Scale in place; sparse gradients are refused."""
        grads = Gradients(gradients(parameters), str(self))
        norms = grads.norms(self.p)
        return scaled_under(self.max_norm, grads, norms, total_of(norms, self.p))

    def __str__(self) -> str:
        text = f"norm:{policy_text.format_number(self.max_norm)}"
        return text if self.p == 2 else f"{text},p={policy_text.format_number(self.p)}"


def scaled_under(
    limit: Tensor | float, grads: Gradients, norms: Tensor, total: Tensor
) -> ClipResult:
    """Scale all gradients together so that their norm `total` stays under `limit`."""
    factor = factor_for(limit, total)
    grads.scale_(factor)
    # What follows from the factor; measuring the result would cost a second pass.
    # Zero times anything is no change.
    return ClipResult(total, total * factor, ((factor < 1) & (total > 0)).float(), norms)
