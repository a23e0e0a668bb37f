"""Soft attention: softmax over the keys, every one keeps a weight."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.attention._masked import masked_softmax
from rnnswap.errors import OptionError

_SCORES = ("dot", "general", "additive")


class SoftAttention(nn.Module):
    """Context = sum over keys of softmax(score(query, key)) * value.

        dot       score = q . k
        general   score = q . W k
        additive  score = v . tanh(W q + U k)

    Sources: dot and general from Luong, Pham and Manning, arXiv:1508.04025; additive from
    Bahdanau, Cho and Bengio, arXiv:1409.0473.

    Args:
        query_size: Features of a query.
        key_size: Features of a key; for `dot` equal to `query_size`.
        score: "dot", "general" or "additive" (whose hidden width is `key_size`).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: The score is unknown, or `dot` is given two sizes.

    Example:
        >>> context, weights = SoftAttention(8, 8)(*[torch.randn(2, 5, 8)] * 3)
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        score: str = "general",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if score not in _SCORES:
            raise OptionError(f"score must be dot, general or additive, got {score!r}")
        if score == "dot" and query_size != key_size:
            raise OptionError(
                f"score 'dot' needs queries as wide as keys, got {query_size} and {key_size}"
            )
        super().__init__()
        self.score = score
        like: dict[str, Any] = {"bias": False, "device": device, "dtype": dtype}
        if score == "general":
            self.key_projection = nn.Linear(key_size, query_size, **like)
        elif score == "additive":
            self.query_projection = nn.Linear(query_size, key_size, **like)
            self.key_projection = nn.Linear(key_size, key_size, **like)
            self.energy = nn.Linear(key_size, 1, **like)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            query: (B, Tq, query_size).
            key: (B, Tk, key_size).
            value: (B, Tk, V).
            mask: bool, broadcastable to (B, Tq, Tk); True = attend, the opposite of
                nn.MultiheadAttention.

        Returns:
            context (B, Tq, V) and weights (B, Tq, Tk); both zero where every key is masked.
        """
        weights = masked_softmax(self._scores(query, key), mask)
        return weights @ value, weights

    def extra_repr(self) -> str:
        """Return the score."""
        return f"score={self.score!r}"

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        if self.score == "additive":
            pairs = self.query_projection(query).unsqueeze(2) + self.key_projection(key).unsqueeze(
                1
            )
            energies: Tensor = self.energy(torch.tanh(pairs)).squeeze(-1)  # (B, Tq, Tk)
            return energies
        keys = key if self.score == "dot" else self.key_projection(key)
        return query @ keys.transpose(1, 2)


SoftAttention.__module__ = "rnnswap.attention"
