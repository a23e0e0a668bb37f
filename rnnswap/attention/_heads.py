"""What the multi-head forms of attention share: heads, their masks, the join."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.attention._base import check_size
from rnnswap.attention._fused import dot_context, dot_weights
from rnnswap.attention._masked import allowed_keys, check_mask
from rnnswap.errors import OptionError

#: Query, key and value in heads, each (B, heads, T, width / heads).
Heads = tuple[Tensor, Tensor, Tensor]


def check_heads(name: str, heads: Any, width: int) -> None:
    """Refuse heads that do not divide the width.

    Raises:
        OptionError: They do not, or are no positive int; names the argument.
    """
    check_size(name, heads)
    if width % heads:
        raise OptionError(f"{name} must divide the width {width}, got {heads}")


def split(x: Tensor, heads: int) -> Tensor:
    """Return (B, heads, T, E / heads) of x (B, T, E)."""
    return x.reshape(x.size(0), x.size(1), heads, x.size(2) // heads).transpose(1, 2)


def project(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    bias: Tensor | None,
    heads: int,
) -> Heads:
    """Return the projected sequences in heads; the bias is (3 * E,) or None."""
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    q, k, v = (
        split(F.linear(x, w, b), heads)
        for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    return q, k, v


def project_one(x: Tensor, weight: Tensor, bias: Tensor | None, heads: int) -> Heads:
    """Return the same of one sequence that is query, key and value: one product of (3 * E, E)."""
    width = weight.size(0) // (3 * heads)
    packed = F.linear(x, weight, bias).reshape(x.size(0), x.size(1), 3, heads, width)
    q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
    return q, k, v


def mask_of_heads(mask: Tensor | None, batch: int, heads: int, queries: int, keys: int) -> Any:
    """Return a bool mask with four axes, which broadcast to (B, heads, Tq, Tk).

    Raises:
        OptionError: It is not bool, or does not fit (B, Tq, Tk) or (B, heads, Tq, Tk).
    """
    four = isinstance(mask, Tensor) and mask.dim() == 4
    check_mask(mask, (batch, heads, queries, keys) if four else (batch, queries, keys))
    if mask is None or four:
        return mask
    return mask[(None,) * (3 - mask.dim())].unsqueeze(1)


def attend_in_heads(
    projected: Heads,
    mask: Tensor | None,
    causal: bool,
    need_weights: bool,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor | None]:
    """Attend in each head by softmax(q k^T / sqrt(width of a head)) v and join the heads.

    Args:
        projected: Query, key and value in heads.
        mask: None or as of `dot_context`.
        causal: Query i attends to keys 0..i.
        need_weights: Whether to return the weights.
        dropout: Share of the weights set to zero.

    Returns:
        (B, Tq, E) and weights (B, heads, Tq, Tk), after dropout, or None.
    """
    q, k, v = projected
    scale = 1.0 / math.sqrt(q.size(-1))
    if need_weights:
        weights = dot_weights(q, k, mask, causal, scale)
        if dropout:
            weights = F.dropout(weights, dropout)
        return (weights @ v).transpose(1, 2).flatten(2), weights
    joined = dot_context(q, k, v, mask, causal, scale, dropout)
    return joined.transpose(1, 2).flatten(2), None


def output_of(
    projected: Heads,
    mask: Tensor | None,
    causal: bool,
    need_weights: bool,
    average_weights: bool,
    out_weight: Tensor,
    out_bias: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Attend in heads, join and project; see `attend_in_heads` and `multihead_attention`."""
    joined, weights = attend_in_heads(projected, mask, causal, need_weights)
    output = F.linear(joined, out_weight, out_bias)
    output = zero_where_nothing_is_seen(output, mask, causal, projected[1].size(2))
    return output, weights.mean(1) if weights is not None and average_weights else weights


def zero_where_nothing_is_seen(
    output: Tensor, mask: Tensor | None, causal: bool, keys: int
) -> Tensor:
    """Return the output (B, Tq, E) with zeros where the mask leaves no key in any head.

    Causal alone leaves each query its own key.
    """
    if mask is None:
        return output
    if mask.dtype != torch.bool:
        mask = mask != float("-inf")
    seen = allowed_keys(mask, causal, output.size(1), keys, output.device)
    assert seen is not None
    return output.masked_fill(~seen.any(-1).any(1).unsqueeze(-1), 0.0)
