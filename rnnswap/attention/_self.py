"""Self-attention: Y = MultiHead(X, X, X)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnswap._tracing import one_node
from rnnswap.attention._heads import check_heads, mask_of_heads, output_of, project_one
from rnnswap.attention._multihead import MultiHead
from rnnswap.errors import OptionError


def self_attention(
    x: Tensor,
    mask: Tensor | None = None,
    *,
    heads: int,
    in_weight: Tensor,
    out_weight: Tensor,
    in_bias: Tensor | None = None,
    out_bias: Tensor | None = None,
    causal: bool = False,
    need_weights: bool = True,
    average_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Let every step of a sequence attend to all of them: `multihead_attention` of x, x and x.

    Args:
        x: (B, T, E); unbatched (T, E), and so in all that follows.
        mask: bool, broadcastable to (B, T, T), or with four axes to (B, heads, T, T); True =
            attend, the opposite of nn.MultiheadAttention.
        heads: They divide E.
        in_weight: (3 * E, E): query's, key's, value's.
        out_weight: (Y, E).
        in_bias: (3 * E,).
        out_bias: (Y,).
        causal: Step i attends to steps 0..i only.
        need_weights: Without them nothing of size T * T is held.
        average_weights: Weights are the mean over the heads.

    Returns:
        (B, T, Y) and weights (B, T, T), of each head (B, heads, T, T), or None. Both are zero where
        every key is masked, the output's bias too.

    Raises:
        OptionError: The sequence or the mask does not fit, or the heads do not divide E.
    """
    _check_sequence(x, in_weight)
    check_heads("heads", heads, x.size(-1))
    rows = x if x.dim() == 3 else x.unsqueeze(0)
    mask = mask_of_heads(mask, rows.size(0), heads, rows.size(1), rows.size(1))
    projected = project_one(rows, in_weight, in_bias, heads)
    output, weights = output_of(
        projected, mask, causal, need_weights, average_weights, out_weight, out_bias
    )
    if x.dim() == 3:
        return output, weights
    return output.squeeze(0), None if weights is None else weights.squeeze(0)


def _check_sequence(x: Any, in_weight: Tensor) -> None:
    if not isinstance(x, Tensor) or x.dim() not in (2, 3):
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise OptionError(f"x must be a 3-D tensor, or 2-D if unbatched, got {got}")
    wanted = (3 * x.size(-1), x.size(-1))
    if in_weight.shape != wanted:
        raise OptionError(f"in_weight must have shape {wanted}, got {tuple(in_weight.shape)}")


class SelfAttention(MultiHead):
    """Multi-head attention of one sequence to itself, with masks that say True = attend.

        Y = MultiHead(X, X, X)

    Parameters and numbers are those of `MultiHead`; there is no key and no value to be given but
    the query itself. Masks say the opposite of nn.MultiheadAttention's.

    Args:
        query_size: Features of a step and of the output.
        key_size: None or the same number: the registry's contract hands it over.
        heads: They divide `query_size`; if not given, the most of 8, 4, 2 and 1 that do.
        bias: Of the projections.
        batch_first: Sequences are (B, T, ...), else (T, B, ...).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: The two sizes differ, or as for `MultiHead`.

    Example:
        >>> output, weights = SelfAttention(8, heads=2)(torch.randn(3, 5, 8))
        >>> weights.shape
        torch.Size([3, 5, 5])
    """

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        *,
        heads: int | None = None,
        bias: bool = True,
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if key_size is not None and key_size != query_size:
            raise OptionError(
                "self-attention has one sequence: key_size must be query_size, "
                f"got {query_size!r} and {key_size!r}"
            )
        super().__init__(
            query_size,
            query_size,
            heads=heads,
            bias=bias,
            batch_first=batch_first,
            device=device,
            dtype=dtype,
        )

    @one_node
    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query: The sequence X: (B, T, E); without `batch_first` (T, B, E); unbatched (T, E).
            key: None or the very object given as `query`.
            value: Likewise.
            mask: bool, broadcastable to (B, T, T), unbatched to (T, T); True = attend, the opposite
                of nn.MultiheadAttention. Padding of shape (B, T): `mask.unsqueeze(1)`.
            causal: Step i attends to steps 0..i only, besides what `mask` says.
            need_weights: Without them nothing of size T * T is held.

        Returns:
            The output, laid out as `query`, and weights (B, T, T), unbatched (T, T), the mean over
            the heads, or None. Both are zero where every key is masked.

        Raises:
            OptionError: A key or value of its own is given, or as for `MultiHead`.
        """
        for name, given in (("key", key), ("value", value)):
            if given is not None and given is not query:
                raise OptionError(
                    f"self-attention has one sequence: {name} must be the query itself or None; "
                    "multihead attends to another"
                )
        return super().forward(query, query, query, mask, causal=causal, need_weights=need_weights)

    def extra_repr(self) -> str:
        """Return the size and the heads."""
        return f"{self.query_size}, heads={self.heads}"


SelfAttention.__module__ = self_attention.__module__ = "rnnswap.attention"
