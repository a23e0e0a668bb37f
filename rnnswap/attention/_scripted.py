"""MultiheadAttention in what TorchScript can compile, with the same numbers.

TorchScript knows no autograd functions and little of Python. A hint that a mask is causal is not
followed here: the mask says the same.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def in_three(bias: Tensor | None) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the biases of query, key and value of one that is (3 * E,)."""
    if bias is None:
        return None, None, None
    q, k, v = bias.chunk(3)
    return q, k, v


def heads_of(x: Tensor, weight: Tensor, bias: Tensor | None, heads: int) -> Tensor:
    """Return x (N, T, D) projected, in heads: (N, heads, T, E / heads)."""
    x = F.linear(x, weight, bias)
    return x.reshape(x.size(0), x.size(1), heads, x.size(2) // heads).transpose(1, 2)


def with_more(x: Tensor, bias: Tensor | None, zero: bool) -> Tensor:
    """Return keys or values in heads with those of `add_bias_kv` and `add_zero_attn` at the end."""
    if bias is not None:
        one = bias.reshape(1, x.size(1), 1, x.size(3)).expand(x.size(0), -1, -1, -1)
        x = torch.cat([x, one], 2)
    if zero:
        x = torch.cat([x, torch.zeros_like(x[:, :, :1])], 2)
    return x


def added_mask(
    padding: Tensor | None, pairs: Tensor | None, sizes: tuple[int, int, int, int], like: Tensor
) -> Tensor | None:
    """Return torch's two masks as one to be added to the scores, (N or 1, heads or 1, L or 1, S).

    Args:
        padding: (N, S) or (S,), bool with True = ignore, or floating point.
        pairs: (L, S) or (N * heads, L, S), likewise.
        sizes: N, heads, L and S.
        like: Has the type of the scores.
    """
    batch, heads, queries, keys = sizes
    found: Tensor | None = None
    if padding is not None:
        found = to_be_added("key_padding_mask", padding, like).reshape(-1, 1, 1, keys)
    if pairs is not None:
        one = to_be_added("attn_mask", pairs, like)
        if pairs.dim() == 3:
            one = one.reshape(batch, heads, queries, keys)
        else:
            one = one.reshape(1, 1, queries, keys)
        found = one if found is None else found + one
    return found


def to_be_added(name: str, mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask as numbers: minus infinity where a key is ignored."""
    if mask.dtype == torch.bool:
        zeros = torch.zeros(mask.shape, dtype=like.dtype, device=mask.device)
        return zeros.masked_fill(mask, float("-inf"))
    if not mask.is_floating_point():
        raise ValueError(f"{name} must be bool (True = ignore) or floating point, got {mask.dtype}")
    return mask.to(like.dtype)


def attended(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool, dropout: float
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Attend in each head, to nothing where the mask leaves no key.

    Returns:
        (N, L, E); weights (N, heads, L, S) or None; where no key is left (.., .., L, 1) or None.
    """
    dark: Tensor | None = None
    if mask is not None:
        mask = F.pad(mask, [0, k.size(2) - mask.size(3)])
        dark = (mask == float("-inf")).all(-1, keepdim=True)
        # A row of minus infinities has no softmax, and the gradient of none is NaN.
        mask = mask.masked_fill(dark, 0.0)
    weights: Tensor | None = None
    if need_weights:
        scores = (q / math.sqrt(q.size(3))) @ k.transpose(2, 3)
        if mask is not None:
            scores = scores + mask
        weights = scores.softmax(-1)
        if dark is not None:
            weights = weights.masked_fill(dark, 0.0)
        weights = F.dropout(weights, dropout)
        context = weights @ v
    else:
        context = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        if dark is not None:
            context = context.masked_fill(dark, 0.0)
    return context.transpose(1, 2).flatten(2), weights, dark
