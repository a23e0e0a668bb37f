"""Attention whose weights come from entmax instead of softmax: those that are small are zero."""

from __future__ import annotations

from typing import Any

import entmax
import torch
from torch import Tensor, nn

from rnnswap import OptionError
from rnnswap.attention import Attention

_SCORES = ("dot", "general")


class EntmaxAttention(Attention):
    """Context = sum over keys of entmax(score(query, key)) * value.

    entmax with alpha maps scores to the weights that maximise score plus Tsallis entropy: alpha 2
    is sparsemax, towards 1 it becomes softmax. A weight is exactly zero where its score is more
    than 1 / (alpha - 1) below the largest, or less below it if others are near. The scores are
    those of `rnnswap.attention.SoftAttention`: dot, q . k, or general, q . W k.

    Sources: Peters, Niculae and Martins, arXiv:1905.05702; Martins and Astudillo,
    arXiv:1602.02068. The package entmax computes the weights.

    Args:
        query_size: Features of a query; for `dot` those of a key.
        key_size: Features of a key.
        alpha: > 1.
        score: "dot" or "general".
        batch_first: As `rnnswap.attention.Attention`'s.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: `alpha` is not above 1, the score is unknown, or `dot` is given two sizes.

    Example:
        >>> context, weights = EntmaxAttention(8, 8)(*[torch.randn(2, 5, 8)] * 3)
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        alpha: float = 1.5,
        score: str = "general",
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(query_size, key_size, batch_first=batch_first)
        if not (isinstance(alpha, int | float) and 1 < alpha < float("inf")):
            raise OptionError(f"alpha must be a number above 1, got {alpha!r}")
        if score not in _SCORES:
            raise OptionError(f"score must be dot or general, got {score!r}")
        if score == "dot" and query_size != key_size:
            raise OptionError(
                f"score 'dot' needs queries as wide as keys, got {query_size} and {key_size}"
            )
        self.alpha = float(alpha)
        self.score = score
        if score == "general":
            like: dict[str, Any] = {"device": device, "dtype": dtype}
            self.key_projection = nn.Linear(key_size, query_size, bias=False, **like)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return context (B, Tq, V) and weights (B, Tq, Tk); see `Attention.attend`."""
        if self.score == "general":
            key = self.key_projection(key)  # called, so that it may be replaced: quantised, LoRA
        allowed = self.allowed(query, key, mask, causal)
        weights = masked_entmax(query @ key.transpose(1, 2), allowed, self.alpha)
        return weights @ value, weights if need_weights else None

    def extra_repr(self) -> str:
        """Return the sizes and the options."""
        return f"{self.query_size}, {self.key_size}, alpha={self.alpha:g}, score={self.score!r}"


class SparsemaxAttention(EntmaxAttention):
    """`EntmaxAttention` with alpha 2: the scores' projection onto the simplex (arXiv:1602.02068).

    Args:
        query_size: and all further arguments of `EntmaxAttention` but alpha.

    Example:
        >>> context, weights = SparsemaxAttention(8, 8)(*[torch.randn(2, 5, 8)] * 3)
    """

    def __init__(self, query_size: int, key_size: int, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            raise OptionError("sparsemax has no alpha: it is entmax with alpha 2")
        super().__init__(query_size, key_size, alpha=2.0, **kwargs)


def masked_entmax(scores: Tensor, allowed: Tensor | None, alpha: float) -> Tensor:
    """Return weights (..., Tk) of scores (..., Tk), zero where `allowed` is False.

    Args:
        scores: Of any floating point dtype; half precision is computed in float32.
        allowed: bool, broadcastable to `scores`; None for all.
        alpha: > 1.

    Returns:
        Each row sums to 1, or is zero where nothing is allowed, or NaN where a score that is
        allowed is not finite.
    """
    if scores.size(-1) == 0:
        return scores
    precise = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    if allowed is None:
        return _entmax(precise, alpha).to(scores.dtype)
    best = precise.detach().masked_fill(~allowed, float("-inf")).amax(-1, keepdim=True)
    best = best.masked_fill(best == float("-inf"), 0.0)
    # Twice as far below the best as a weight of zero needs. An infinity would become NaN: the
    # package squares what it is given.
    low = best - 2.0 / (alpha - 1.0)
    weights = _entmax(torch.where(allowed, precise, low), alpha)
    return weights.masked_fill(~allowed, 0.0).to(scores.dtype)


def _entmax(scores: Tensor, alpha: float) -> Tensor:
    """Return the package's weights, and NaN where it would fail: in rows that are not finite."""
    lost = ~scores.isfinite().all(-1, keepdim=True)
    scores = scores.masked_fill(lost, 0.0)
    found: Tensor
    if alpha == 2.0:
        found = entmax.sparsemax(scores, dim=-1)
    elif alpha == 1.5:
        found = entmax.entmax15(scores, dim=-1)
    else:
        found = entmax.entmax_bisect(scores, alpha, dim=-1)
    return found.masked_fill(lost, float("nan"))


EntmaxAttention.__module__ = SparsemaxAttention.__module__ = "rnnswap_entmax"
