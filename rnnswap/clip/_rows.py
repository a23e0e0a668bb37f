"""Scaling rows of gradients by the C library: what `agc` and `layer-norm` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnswap.clip import _gradients, _native
from rnnswap.clip._policy import ClipResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from rnnswap.clip._gradients import Gradients


def scaled_rows(
    grads: Gradients,
    weights: Sequence[Tensor] | None,
    limit: float,
    *,
    floor: float = 0.0,
    epsilon: float = 0.0,
) -> ClipResult | None:
    """Scale gradients in place as `_native.scale_rows_` does; what was done costs nothing to know.

    Returns:
        None if the C library cannot, and nothing is done.
    """
    if grads.is_spread or not _gradients.can_be_asked(grads.local[0]):
        return None
    found = _native.scale_rows_(grads.local, weights, limit, floor=floor, epsilon=epsilon)
    if found is None:
        return None
    dtype = grads.local[0].dtype
    norms = found[0].sqrt().to(dtype)
    before, after, changed = found.sum(dim=1)
    share = changed.float() / max(1, sum(g.numel() for g in grads.local))
    return ClipResult(before.sqrt().to(dtype), after.sqrt().to(dtype), share, norms)
