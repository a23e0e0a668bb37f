"""Multi-head attention, Y = MultiHead(Q, K, V); self-attention is Y = MultiHead(X, X, X)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear as ReadLinear

from rnnswap.attention._base import (
    Attention,
    check_bool,
    check_features,
    check_size,
    takes_unbatched,
)
from rnnswap.attention._heads import (
    check_heads,
    mask_of_heads,
    output_of,
    project,
    project_one,
)


@takes_unbatched
def multihead_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    heads: int,
    in_weights: tuple[Tensor, Tensor, Tensor],
    out_weight: Tensor,
    in_bias: Tensor | None = None,
    out_bias: Tensor | None = None,
    causal: bool = False,
    need_weights: bool = True,
    average_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Project to heads, attend in each by softmax(q k^T / sqrt(E / heads)) v, join and project.

    Args:
        query: (B, Tq, Q); unbatched (Tq, Q), and so in all that follows.
        key: (B, Tk, K).
        value: (B, Tk, V).
        mask: bool, broadcastable to (B, Tq, Tk), or with four axes to (B, heads, Tq, Tk);
            True = attend, the opposite of nn.MultiheadAttention.
        heads: They divide E.
        in_weights: Of query (E, Q), key (E, K) and value (E, V).
        out_weight: (Y, E).
        in_bias: (3 * E,): query's, key's, value's.
        out_bias: (Y,).
        causal: Query i attends to keys 0..i only.
        need_weights: Without them nothing of size Tq * Tk is held.
        average_weights: Weights are the mean over the heads.

    Returns:
        (B, Tq, Y) and weights (B, Tq, Tk), of each head (B, heads, Tq, Tk), or None. Both are zero
        where every key is masked, the output's bias too.

    Raises:
        OptionError: The sequences or the mask do not fit, or the heads do not divide E.
    """
    check_heads("heads", heads, in_weights[0].size(0))
    mask = mask_of_heads(mask, query.size(0), heads, query.size(1), key.size(1))
    projected = project(query, key, value, in_weights, in_bias, heads)
    return output_of(projected, mask, causal, need_weights, average_weights, out_weight, out_bias)


class MultiHead(Attention):
    """Multi-head attention (Vaswani et al., arXiv:1706.03762), with masks that say True = attend.

        Y = W_O [head_1; ...; head_n] + b_O
        head_i = softmax((W_i^Q Q) (W_i^K K)^T / sqrt(query_size / heads)) W_i^V V

    The parameters have nn.MultiheadAttention's names and shapes, so that state dicts go both ways
    and the numbers are the same; the masks' polarity is the opposite. Where every key is masked
    the output is zero, W_O's bias included.

    Args:
        query_size: Features of a query and of the output.
        key_size: Features of a key.
        value_size: Features of a value; as wide as a key if not given.
        heads: They divide `query_size`; if not given, the most of 8, 4, 2 and 1 that do.
        bias: Of the projections.
        batch_first: Sequences are (B, T, ...), else (T, B, ...).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: The heads do not divide the width, or an argument is of the wrong type.

    Example:
        >>> output, weights = MultiHead(8, 6, heads=2)(
        ...     torch.randn(3, 5, 8), torch.randn(3, 7, 6), torch.randn(3, 7, 6)
        ... )
    """

    in_proj_weight: Tensor
    q_proj_weight: Tensor
    k_proj_weight: Tensor
    v_proj_weight: Tensor
    in_proj_bias: Tensor | None

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        value_size: int | None = None,
        heads: int | None = None,
        bias: bool = True,
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(query_size, key_size, batch_first=batch_first)
        value_size = key_size if value_size is None else value_size
        check_size("value_size", value_size)
        check_bool("bias", bias)
        if heads is None:
            heads = next(n for n in (8, 4, 2, 1) if query_size % n == 0)
        check_heads("heads", heads, query_size)
        self.value_size = value_size
        self.heads = heads
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        shapes = {"in_proj_weight": (3 * query_size, query_size)}
        if not query_size == key_size == value_size:
            sizes = zip("qkv", (query_size, key_size, value_size), strict=True)
            shapes = {f"{letter}_proj_weight": (query_size, size) for letter, size in sizes}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, **like)))
        in_bias = nn.Parameter(torch.empty(3 * query_size, **like)) if bias else None
        self.register_parameter("in_proj_bias", in_bias)
        self.out_proj = ReadLinear(query_size, query_size, bias=bias, **like)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as nn.MultiheadAttention does; every bias is zero."""
        self.out_proj.reset_parameters()
        for name, parameter in self.named_parameters():
            if name.endswith("proj_weight"):
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return `multihead_attention` with this module's parameters."""
        check_features("value", value, self.value_size)
        out_weight, out_bias = self.out_proj.weight, self.out_proj.bias
        if query is key is value and "in_proj_weight" in self._parameters:
            sizes = query.size(0), self.heads, query.size(1), query.size(1)
            mask = mask_of_heads(mask, *sizes)
            one = project_one(query, self.in_proj_weight, self.in_proj_bias, self.heads)
            return output_of(one, mask, causal, need_weights, True, out_weight, out_bias)
        return multihead_attention(
            query,
            key,
            value,
            mask,
            heads=self.heads,
            in_weights=self.in_weights(),
            out_weight=out_weight,
            in_bias=self.in_proj_bias,
            out_bias=out_bias,
            causal=causal,
            need_weights=need_weights,
        )

    def in_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the projections' weights of query, key and value."""
        if "in_proj_weight" in self._parameters:
            query, key, value = self.in_proj_weight.chunk(3)
            return query, key, value
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def extra_repr(self) -> str:
        """Return the sizes and the heads."""
        return f"{self.query_size}, {self.key_size}, heads={self.heads}"


MultiHead.__module__ = multihead_attention.__module__ = "rnnswap.attention"
