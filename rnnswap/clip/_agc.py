"""`agc:LAMBDA[,floor=F]`: the gradient of each unit bounded by the unit's own weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnswap import policy_text
from rnnswap.clip._gradients import Gradients, gradients, total_of
from rnnswap.clip._policy import ClipPolicy, ClipResult, positive
from rnnswap.clip._rows import scaled_rows
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class AdaptiveClip(ClipPolicy):
    """Bound the gradient of each unit by a share of the unit's weights (AGC, Brock et al. 2021).

    For unit i with weights W_i and gradient G_i: where |G_i| > ratio * max(|W_i|, floor), G_i <-
    G_i * ratio * max(|W_i|, floor) / |G_i|. A unit is a row of a parameter with two or more
    dimensions (all weights of one output), and a whole vector or scalar. The paper leaves the last
    linear layer alone; a rule such as `head.*=none` does.

    Args:
        ratio: Largest norm of a gradient in norms of its weights, > 0; the paper's is 0.01.
        floor: Least norm that weights count by, > 0, so that zeros can learn.

    Raises:
        ClipError: `ratio` or `floor` is not a number above zero.

    Example:
        >>> str(AdaptiveClip(0.01))
        'agc:0.01'
    """

    __module__ = "rnnswap.clip"

    ratio: float
    floor: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", positive("agc", "ratio", self.ratio))
        object.__setattr__(self, "floor", positive("agc", "floor", self.floor))

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Scale in place; sparse gradients are refused."""
        grads = Gradients(gradients(parameters), str(self))
        found = scaled_rows(grads, parameters, self.ratio, floor=self.floor)
        if found is not None:
            return found
        before = grads.norms(exact=True)
        _, factors = self._scale_(grads, parameters)
        rows = [f.numel() for f in factors]
        changed = [torch.count_nonzero(f < 1) for f in factors]
        per_row = [g.numel() / max(1, n) for g, n in zip(grads.local, rows, strict=True)]
        counts = torch._foreach_mul([c.to(grads.device).float() for c in changed], per_row)
        count = grads.agreed(torch.stack(counts), 1.0).sum()
        share = count / max(1, sum(g.numel() for g in grads.whole))
        return ClipResult(total_of(before), total_of(grads.norms(exact=True)), share, before)

    def bound_(self, parameters: Sequence[Tensor]) -> ClipResult | Tensor:
        """Scale as `clip_` does, without measuring."""
        grads = Gradients(gradients(parameters), str(self))
        found = scaled_rows(grads, parameters, self.ratio, floor=self.floor)
        if found is not None:
            return found
        before = grads.norms(exact=True) if grads.is_spread else None
        norms, _ = self._scale_(grads, parameters)
        if before is not None:
            return before
        # Finite where all units' norms are.
        flatten: Any = torch._utils._flatten_dense_tensors
        of_groups = [total_of(flatten([norms[n] for n in own])) for _, own in grads.groups]
        return total_of(torch.stack([n.to(grads.device) for n in of_groups]))

    def __str__(self) -> str:
        text = f"agc:{policy_text.format_number(self.ratio)}"
        if self.floor == 1e-3:
            return text
        return f"{text},floor={policy_text.format_number(self.floor)}"

    def _scale_(
        self, grads: Gradients, parameters: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Scale each unit; return the norms of the units' gradients and the factors."""
        of_gradients = _units(grads.whole, grads, str(self))
        of_weights = _units(parameters, grads, str(self))
        factors: list[Any] = [None] * len(of_gradients)
        for group, positions in grads.groups:
            limits = [of_weights[n] for n in positions]
            torch._foreach_clamp_min_(limits, self.floor)
            torch._foreach_mul_(limits, self.ratio)
            torch._foreach_div_(limits, [of_gradients[n] for n in positions])
            # A gradient of zero gives infinity here and stays zero.
            torch._foreach_clamp_max_(limits, 1.0)
            torch._foreach_mul_(group, limits)
            for n, factor in zip(positions, limits, strict=True):
                factors[n] = factor
        return of_gradients, factors


def _units(tensors: Sequence[Tensor], grads: Gradients, policy: str) -> list[Tensor]:
    """Return the norm of each unit of each tensor, in a shape that multiplies the tensor."""
    if not grads.is_spread:
        return [_rows(t) for t in tensors]
    _refuse_split_rows(tensors, policy)
    spread = Gradients([t.detach() for t in tensors], policy)
    whole = spread.norms(exact=True)
    return [_rows(t) if t.dim() > 1 else whole[n].to(t.dtype) for n, t in enumerate(spread.local)]


def _rows(tensor: Tensor) -> Tensor:
    if tensor.dim() < 2:
        whole: Tensor = torch.linalg.vector_norm(tensor)
        return whole
    within = tuple(range(1, tensor.dim()))
    norms: Tensor = torch.linalg.vector_norm(tensor, dim=within, keepdim=True)
    return norms


def _refuse_split_rows(tensors: Sequence[Any], policy: str) -> None:
    """Raise ClipError if a row of a spread tensor lies on several processes."""
    for tensor in tensors:
        placements = getattr(tensor, "placements", ())
        if tensor.dim() > 1 and not all(p.is_replicate() or p.is_shard(0) for p in placements):
            raise ClipError(
                f"clipping policy {policy} needs the rows of a parameter whole, one of shape "
                f"{tuple(tensor.shape)} is split within them over processes ({placements}); "
                "shard it along its first dimension, or use norm"
            )
