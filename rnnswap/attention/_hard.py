"""Hard attention: after the softmax, weights that fail a condition become exactly zero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnswap.attention._base import check_bool, check_size, takes_unbatched
from rnnswap.attention._soft import SoftAttention, soft_attention
from rnnswap.errors import OptionError
from rnnswap.spec import ROUNDING

#: Keys kept where neither k nor a threshold is given.
_DEFAULT_K = 4


@takes_unbatched
def hard_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    k: int | None = None,
    threshold: float | None = None,
    renormalise: bool = True,
    key_weight: Tensor | None = None,
    query_weight: Tensor | None = None,
    energy_weight: Tensor | None = None,
    causal: bool = False,
    need_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Attend as `soft_attention`, then set the weights that fail a condition to exactly zero.

    A weight stays if it is among the k largest of its row and not less than the threshold,
    whichever of the two is given. Gradient flows through the weights that stay, and through the
    softmax from which they come.

    Args:
        query: (B, Tq, Q); unbatched (Tq, Q), and so in all that follows.
        key: (B, Tk, K).
        value: (B, Tk, V).
        mask: bool, broadcastable to (B, Tq, Tk); True = attend.
        k: In [1, Tk].
        threshold: In [0, 1].
        renormalise: Divide what stays by its sum; otherwise a row sums to less than 1.
        key_weight: As in `soft_attention`, and so are the two that follow.
        query_weight: (A, Q).
        energy_weight: (1, A).
        causal: Query i attends to keys 0..i only.
        need_weights: Whether to return the weights; they are computed either way.

    Returns:
        context (B, Tq, V) and weights (B, Tq, Tk) or None; both zero where every key is masked or
        no weight reaches the threshold.

    Raises:
        OptionError: k is not in [1, Tk], the threshold not in [0, 1], neither is given, or the mask
            or the sequences do not fit.
    """
    _check_condition_on(key.size(1), k, threshold)
    _, soft = soft_attention(
        query,
        key,
        value,
        mask,
        key_weight=key_weight,
        query_weight=query_weight,
        energy_weight=energy_weight,
        causal=causal,
    )
    assert soft is not None
    weights = _kept(soft, k, threshold, renormalise)
    return weights @ value, weights if need_weights else None


def _kept(weights: Tensor, k: Any, threshold: float | None, renormalise: bool) -> Tensor:
    if k is not None:
        weights = weights.masked_fill(_beyond(weights.detach(), k), 0.0)
    if threshold is not None:
        weights = weights.masked_fill(weights < threshold, 0.0)
    if not renormalise:
        return weights
    total = weights.sum(-1, keepdim=True)
    # A row of which nothing is left stays zero.
    return weights / total.masked_fill(total == 0, 1.0)


def _beyond(weights: Tensor, k: Any) -> Tensor:
    """Return which of the weights in each row are not among its k largest."""
    if _is_length_open():
        # A graph keeps topk's k as a number, also where another length has fewer keys.
        ranks = weights.argsort(-1, descending=True).argsort(-1)
        return ranks.ge(k)
    best = weights.topk(k, -1).indices
    return torch.ones_like(weights, dtype=torch.bool).scatter(-1, best, 0)


def _is_length_open() -> bool:
    """Return whether a graph is made that serves other lengths as well."""
    return torch._C._get_tracing_state() is not None or torch.compiler.is_exporting()


def _check_condition_on(keys: int, k: Any, threshold: Any) -> None:
    check_condition(k, threshold)
    if k is None and threshold is None:
        raise OptionError("hard attention needs a condition: give k, threshold or both")
    if k is not None and not _is_length_open() and k > keys:
        raise OptionError(f"k must be at most the number of keys, {keys}, got {k}")


def check_condition(k: Any, threshold: Any) -> None:
    """Refuse a k that is no positive int and a threshold outside [0, 1]; None is neither.

    Raises:
        OptionError: One is.
    """
    if k is not None:
        check_size("k", k)
    if threshold is None:
        return
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise OptionError(f"threshold must be a number in [0, 1], got {threshold!r}")


class HardAttention(SoftAttention):
    """Soft attention whose weights outside the k largest, or under a threshold, are exactly zero.

    The weights are those of `SoftAttention`; which stay is decided after the softmax, so gradient
    flows through those that stay. This is neither sampling nor a straight-through estimate (the
    "hard" attention of Xu et al., arXiv:1502.03044, draws one key at random). With `k=1` and
    `renormalise` the only weight is 1 and the score gets no gradient. Rounding decides between
    weights that nearly tie, so in bfloat16 other keys may stay than in float32. With a threshold, a
    row of which no weight reaches it has weights and context of zero.

    Args:
        query_size: Features of a query.
        key_size: Features of a key; for `dot` equal to `query_size`.
        score: As of `SoftAttention`.
        k: How many keys keep a weight, >= 1; 4 if no threshold is given either. More than there
            are keys is an error; behind a recurrent layer (`with_attention`) all are kept then.
        threshold: In [0, 1]; smaller weights become zero. With k both conditions hold.
        renormalise: Divide what stays by its sum, so that the weights sum to 1.
        batch_first: Sequences are (B, T, ...), else (T, B, ...).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: An option is out of range, or as for `SoftAttention`.

    Example:
        >>> context, weights = HardAttention(8, 8, k=2)(*[torch.randn(2, 5, 8)] * 3)
        >>> (weights > 0).sum(-1).unique()
        tensor([2])
    """

    #: Of a layer with this attention: which weights stay, rounding may decide.
    unsupported = frozenset({ROUNDING})

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        score: str = "general",
        k: int | None = None,
        threshold: float | None = None,
        renormalise: bool = True,
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_condition(k, threshold)
        check_bool("renormalise", renormalise)
        super().__init__(
            query_size,
            key_size,
            score=score,
            batch_first=batch_first,
            device=device,
            dtype=dtype,
        )
        self.k = _DEFAULT_K if k is None and threshold is None else k
        self.threshold = threshold
        self.renormalise = renormalise

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return `hard_attention` with this module's parameters."""
        k = self.k
        if k is not None and self.any_length and not _is_length_open() and key.size(1) <= k:
            k = key.size(1)
        return hard_attention(
            query,
            key,
            value,
            mask,
            k=k,
            threshold=self.threshold,
            renormalise=self.renormalise,
            causal=causal,
            need_weights=need_weights,
            **self.score_weights(),
        )

    def extra_repr(self) -> str:
        """Return the score and the conditions."""
        return (
            f"{super().extra_repr()}, k={self.k}, threshold={self.threshold}, "
            f"renormalise={self.renormalise}"
        )


HardAttention.__module__ = hard_attention.__module__ = "rnnswap.attention"
