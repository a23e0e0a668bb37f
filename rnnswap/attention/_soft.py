"""Soft attention: softmax over the keys, every one keeps a weight."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear as ReadLinear

from rnnswap.attention._base import Attention, takes_unbatched
from rnnswap.attention._fused import dot_context, dot_weights
from rnnswap.attention._masked import allowed_keys, check_mask, masked_softmax
from rnnswap.errors import OptionError

_SCORES = ("dot", "general", "additive")


@takes_unbatched
def soft_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    key_weight: Tensor | None = None,
    query_weight: Tensor | None = None,
    energy_weight: Tensor | None = None,
    causal: bool = False,
    need_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Attend with given parameters; which of them are given is the score.

    None: dot, q . k. `key_weight`: general, q . W k. All three: additive, v . tanh(W q + U k).

    Args:
        query: (B, Tq, Q); unbatched (Tq, Q), and so in all that follows.
        key: (B, Tk, K); for dot K = Q.
        value: (B, Tk, V).
        mask: bool, broadcastable to (B, Tq, Tk); True = attend.
        key_weight: (Q, K) for general, (A, K) for additive.
        query_weight: (A, Q).
        energy_weight: (1, A).
        causal: Query i attends to keys 0..i only.
        need_weights: Without them dot and general hold nothing of size Tq * Tk.

    Returns:
        context (B, Tq, V) and weights (B, Tq, Tk) or None; both zero where every key is masked.

    Raises:
        OptionError: The sequences or the mask do not fit, or one of `query_weight` and
            `energy_weight` is missing.
    """
    check_mask(mask, (query.size(0), query.size(1), key.size(1)))
    if query_weight is None and energy_weight is None:
        if key_weight is not None:
            key = F.linear(key, key_weight)
        if key.size(-1) != query.size(-1):
            raise OptionError(
                "the scores need keys as wide as queries, or a key_weight that makes them so, "
                f"got {query.size(-1)} and {key.size(-1)}"
            )
        if not need_weights:
            return _without_weights(query, key, value, mask, causal), None
        weights = dot_weights(query, key, mask, causal, 1.0)
    else:
        weights = _additive_weights(
            query, key, mask, causal, query_weight, key_weight, energy_weight
        )
    return weights @ value, weights if need_weights else None


def _without_weights(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
) -> Tensor:
    """Run one head; the kernels take a mask of four axes."""
    if mask is not None:
        mask = mask[(None,) * (3 - mask.dim())].unsqueeze(1)
    query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
    return dot_context(query, key, value, mask, causal, 1.0).squeeze(1)


def _additive_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None,
    causal: bool,
    query_weight: Tensor | None,
    key_weight: Tensor | None,
    energy_weight: Tensor | None,
) -> Tensor:
    if query_weight is None or key_weight is None or energy_weight is None:
        raise OptionError("the additive score takes query_weight, key_weight and energy_weight")
    pairs = F.linear(query, query_weight).unsqueeze(2) + F.linear(key, key_weight).unsqueeze(1)
    scores = F.linear(torch.tanh(pairs), energy_weight).squeeze(-1)  # (B, Tq, Tk)
    mask = allowed_keys(mask, causal, query.size(1), key.size(1), query.device)
    return masked_softmax(scores, mask)


class SoftAttention(Attention):
    """Context = sum over keys of softmax(score(query, key)) * value.

        dot       score = q . k
        general   score = q . W k
        additive  score = v . tanh(W q + U k)

    Sources: dot and general from Luong, Pham and Manning, arXiv:1508.04025; additive from
    Bahdanau, Cho and Bengio, arXiv:1409.0473. No score is divided by the square root of the width:
    that is `MultiHead`'s.

    Args:
        query_size: Features of a query.
        key_size: Features of a key; for `dot` equal to `query_size`.
        score: "dot", "general" or "additive" (whose hidden width is `key_size`, and which holds
            Tq * Tk * key_size numbers).
        batch_first: Sequences are (B, T, ...), else (T, B, ...).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: The score is unknown, `dot` is given two sizes, or a size is not positive.

    Example:
        >>> context, weights = SoftAttention(8, 8)(*[torch.randn(2, 5, 8)] * 3)
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        score: str = "general",
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(query_size, key_size, batch_first=batch_first)
        if score not in _SCORES:
            raise OptionError(f"score must be dot, general or additive, got {score!r}")
        if score == "dot" and query_size != key_size:
            raise OptionError(
                f"score 'dot' needs queries as wide as keys, got {query_size} and {key_size}"
            )
        self.score = score
        like: dict[str, Any] = {"bias": False, "device": device, "dtype": dtype}
        if score == "general":
            self.key_projection = ReadLinear(key_size, query_size, **like)
        elif score == "additive":
            self.query_projection = ReadLinear(query_size, key_size, **like)
            self.key_projection = ReadLinear(key_size, key_size, **like)
            self.energy = ReadLinear(key_size, 1, **like)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return `soft_attention` with this module's parameters."""
        return soft_attention(
            query,
            key,
            value,
            mask,
            causal=causal,
            need_weights=need_weights,
            **self.score_weights(),
        )

    def score_weights(self) -> dict[str, Tensor]:
        """Return the parameters of the score as keyword arguments of `soft_attention`."""
        if self.score == "dot":
            return {}
        found = {"key_weight": self.key_projection.weight}
        if self.score == "additive":
            found["query_weight"] = self.query_projection.weight
            found["energy_weight"] = self.energy.weight
        return found

    def extra_repr(self) -> str:
        """Return the sizes and the score."""
        return f"{self.query_size}, {self.key_size}, score={self.score!r}"


SoftAttention.__module__ = soft_attention.__module__ = "rnnswap.attention"
