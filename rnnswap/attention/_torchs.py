"""MultiheadAttention: in place of nn.MultiheadAttention, with its arguments, masks and numbers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnswap._tracing import one_node
from rnnswap.attention import _scripted as scripted
from rnnswap.attention._base import check_sequences, check_size, shapes
from rnnswap.attention._heads import (
    Heads,
    attend_in_heads,
    check_heads,
    project,
    project_one,
    split,
    zero_where_nothing_is_seen,
)
from rnnswap.errors import OptionError


class MultiheadAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention with its constructor, call, masks and state dict, and with its numbers.

    Masks are torch's: True = ignore, the opposite of `MultiHead` and every other mechanism here; a
    floating point mask is added to the scores. Differences: where every key is masked the output
    and the weights are zero, where torch's are NaN, or its output bias without weights; without
    weights, memory is linear in the steps with every mask but one of (L, S); a second derivative
    exists without weights too; the keys of `add_bias_kv` and `add_zero_attn` are seen whether or
    not `is_causal` is given, where torch's forward without weights hides them then.

    Args:
        embed_dim: Features of a query and of the output.
        num_heads: They divide `embed_dim`.
        dropout: Probability that a weight is zero while training, in [0, 1]. The weights
            returned are those after dropout, as torch's are.
        bias: Of the projections.
        add_bias_kv: Learn one key and value more.
        add_zero_attn: Add a key and value of zeros.
        kdim: Features of a key; `embed_dim` if not given.
        vdim: Features of a value; likewise.
        batch_first: Sequences are (B, T, ...), else (T, B, ...), torch's default.
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: The heads do not divide the width.
        ValueError: As nn.MultiheadAttention's constructor.

    Example:
        >>> layer = MultiheadAttention(8, 2, batch_first=True)
        >>> output, weights = layer(*[torch.randn(3, 5, 8)] * 3)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_size("embed_dim", embed_dim)
        check_heads("num_heads", num_heads, embed_dim)
        for name, size in (("kdim", kdim), ("vdim", vdim)):
            if size is not None:
                check_size(name, size)
        if not isinstance(dropout, int | float) or not 0.0 <= dropout <= 1.0:
            raise OptionError(f"dropout must be a probability in [0, 1], got {dropout!r}")
        super().__init__(
            embed_dim,
            num_heads,
            dropout,
            bias,
            add_bias_kv,
            add_zero_attn,
            kdim,
            vdim,
            batch_first,
            device,
            dtype,
        )

    @one_node
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, as nn.MultiheadAttention does.

        Args:
            query: (L, N, E); with `batch_first` (N, L, E); unbatched (L, E). A nested tensor is
                torch's to answer.
            key: (S, N, kdim), laid out as `query`.
            value: (S, N, vdim), laid out as `query`.
            key_padding_mask: (N, S), unbatched (S,): bool, True = ignore the key, or floating
                point, added to the scores.
            need_weights: Whether to return the weights.
            attn_mask: (L, S) or (N * num_heads, L, S): bool, True = ignore, or floating point.
            average_attn_weights: Weights are the mean over the heads.
            is_causal: A hint that `attn_mask` is causal; it cannot be given alone.

        Returns:
            The output, laid out as `query`, and weights (N, L, S), of each head
            (N, num_heads, L, S), unbatched without N, or None.

        Raises:
            OptionError: A tensor's or a mask's shape or dtype does not fit, or the hint is given
                without a mask.
        """
        # Of the two, TorchScript compiles the one that it comes to.
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._attend(
                query,
                key,
                value,
                key_padding_mask,
                need_weights,
                attn_mask,
                average_attn_weights,
                is_causal,
            )
        if is_causal and attn_mask is None:
            raise ValueError("is_causal is a hint about attn_mask, which must be given as well")
        masks = (key_padding_mask, attn_mask)
        return self._scripted(query, key, value, masks, need_weights, average_attn_weights)

    def _scripted(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        masks: tuple[Tensor | None, Tensor | None],
        need_weights: bool,
        average: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend in what TorchScript can compile; the masks are `key_padding_mask`, `attn_mask`."""
        is_batched = query.dim() == 3
        if not is_batched:
            query, key, value = query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        weight = self.in_proj_weight
        if weight is not None:
            w_q, w_k, w_v = weight.chunk(3)
        else:
            w_q, w_k, w_v = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        b_q, b_k, b_v = scripted.in_three(self.in_proj_bias)
        q = scripted.heads_of(query, w_q, b_q, self.num_heads)
        k = scripted.heads_of(key, w_k, b_k, self.num_heads)
        v = scripted.heads_of(value, w_v, b_v, self.num_heads)
        sizes = (q.size(0), self.num_heads, q.size(2), k.size(2))
        mask = scripted.added_mask(masks[0], masks[1], sizes, q)
        k = scripted.with_more(k, self.bias_k, self.add_zero_attn)
        v = scripted.with_more(v, self.bias_v, self.add_zero_attn)
        dropout = self.dropout if self.training else 0.0
        joined, weights, dark = scripted.attended(q, k, v, mask, need_weights, dropout)
        output = F.linear(joined, self.out_proj.weight, self.out_proj.bias)
        if dark is not None:
            output = output.masked_fill(dark.all(1), 0.0)
        if weights is not None and average:
            weights = weights.mean(1)
        if not is_batched:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weights

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None,
        need_weights: bool,
        attn_mask: Tensor | None,
        average_attn_weights: bool,
        is_causal: bool,
    ) -> tuple[Tensor, Tensor | None]:
        if any(getattr(tensor, "is_nested", False) for tensor in (query, key, value)):
            # Only torch's fused inference kernel takes them, from nn.TransformerEncoder above all.
            return super().forward(
                query,
                key,
                value,
                key_padding_mask,
                need_weights,
                attn_mask,
                average_attn_weights,
                is_causal,
            )
        self._check(query, key, value)
        if is_causal and attn_mask is None:
            raise OptionError("is_causal is a hint about attn_mask, which must be given as well")
        heads = self._heads(query, key, value)
        sizes = (heads[0].size(0), heads[0].size(2), key.size(self._steps_axis(key)))
        causal = is_causal and key_padding_mask is None and not need_weights
        mask = self._mask(key_padding_mask, None if causal else attn_mask, sizes, query.dtype)
        heads, mask = self._with_more_keys(heads, mask)
        # More keys stand behind the sequence's: a causal kernel would hide them.
        if causal and heads[1].size(2) != sizes[2]:
            mask = self._mask(None, attn_mask, sizes, query.dtype)
            mask, causal = self._widened(mask, heads[1].size(2) - sizes[2]), False
        dropout = self.dropout if self.training else 0.0
        joined, weights = attend_in_heads(heads, mask, causal, need_weights, dropout)
        output = F.linear(joined, self.out_proj.weight, self.out_proj.bias)
        output = zero_where_nothing_is_seen(output, mask, causal, heads[1].size(2))
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if query.dim() == 2:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weights

    def _steps_axis(self, tensor: Tensor) -> int:
        return 1 if self.batch_first and tensor.dim() == 3 else 0

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        check_sequences(query, key, value)
        for name, tensor, argument in (
            ("query", query, "embed_dim"),
            ("key", key, "kdim"),
            ("value", value, "vdim"),
        ):
            size = getattr(self, argument)
            if tensor.size(-1) != size:
                raise OptionError(
                    f"{name} must have {size} features ({argument}), "
                    f"got shape {tuple(tensor.shape)}"
                )
        if key.shape[:-1] != value.shape[:-1]:
            raise OptionError(
                "key and value must have the same steps and batch, got "
                f"{tuple(key.shape)} and {tuple(value.shape)}"
            )
        batch = 0 if self.batch_first else 1
        if query.dim() == 3 and query.size(batch) != key.size(batch):
            raise OptionError(
                f"query, key and value must have one batch size, {shapes(query, key, value)}"
            )

    def _heads(self, query: Tensor, key: Tensor, value: Tensor) -> Heads:
        first = self._with_batch_first(query)
        if query is key is value and self.in_proj_weight is not None:
            return project_one(first, self.in_proj_weight, self.in_proj_bias, self.num_heads)
        if self.in_proj_weight is not None:
            q_weight, k_weight, v_weight = self.in_proj_weight.chunk(3)
        else:
            q_weight, k_weight, v_weight = (
                self.q_proj_weight,
                self.k_proj_weight,
                self.v_proj_weight,
            )
        second, third = self._with_batch_first(key), self._with_batch_first(value)
        weights = (q_weight, k_weight, v_weight)
        return project(first, second, third, weights, self.in_proj_bias, self.num_heads)

    def _with_batch_first(self, tensor: Tensor) -> Tensor:
        if tensor.dim() == 2:
            return tensor.unsqueeze(0)
        return tensor if self.batch_first else tensor.transpose(0, 1)

    def _mask(
        self,
        padding: Tensor | None,
        pairs: Tensor | None,
        sizes: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor | None:
        """Return torch's two masks as one of four axes: bool with True = attend, or to be added."""
        batch, queries, keys = sizes
        for name, mask in (("key_padding_mask", padding), ("attn_mask", pairs)):
            if mask is not None and not isinstance(mask, Tensor):
                raise OptionError(f"{name} must be a tensor or None, got {type(mask).__name__}")
        if padding is not None:
            # An unbatched one has no batch axis; the output says so, not the mask.
            wanted = (batch, keys) if padding.dim() == 2 else (keys,)
            _check_torchs("key_padding_mask", padding, wanted)
            padding = padding.reshape(-1, 1, 1, keys)
        if pairs is not None:
            three = (batch * self.num_heads, queries, keys)
            _check_torchs("attn_mask", pairs, three if pairs.dim() == 3 else (queries, keys))
            pairs = pairs.reshape(*((batch, -1) if pairs.dim() == 3 else (1, 1)), queries, keys)
        given = [mask for mask in (padding, pairs) if mask is not None]
        if not given:
            return None
        if all(mask.dtype == torch.bool for mask in given):
            allowed = [~mask for mask in given]
            return allowed[0] if len(allowed) == 1 else allowed[0] & allowed[1]
        added = [_to_be_added(mask, dtype) for mask in given]
        return added[0] if len(added) == 1 else added[0] + added[1]

    def _with_more_keys(self, heads: Heads, mask: Tensor | None) -> tuple[Heads, Tensor | None]:
        """Return heads and mask with the keys of `add_bias_kv` and `add_zero_attn` at the end."""
        q, k, v = heads
        more = []
        if self.bias_k is not None and self.bias_v is not None:
            more.append(
                [
                    split(bias.expand(k.size(0), -1, -1), self.num_heads)
                    for bias in (self.bias_k, self.bias_v)
                ]
            )
        if self.add_zero_attn:
            more.append([torch.zeros_like(k[:, :, :1]), torch.zeros_like(v[:, :, :1])])
        if not more:
            return heads, mask
        k = torch.cat([k, *(key for key, _ in more)], 2)
        v = torch.cat([v, *(value for _, value in more)], 2)
        return (q, k, v), self._widened(mask, len(more))

    def _widened(self, mask: Tensor | None, keys: int) -> Tensor | None:
        """Return the mask with so many more keys that everything attends to."""
        if mask is None:
            return None
        return F.pad(mask, (0, keys), value=1.0 if mask.dtype == torch.bool else 0.0)


def _check_torchs(name: str, mask: Tensor, shape: tuple[int, ...]) -> None:
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise OptionError(
            f"{name} must be bool (True = ignore) or floating point, got {mask.dtype}"
        )
    if mask.shape != shape:
        raise OptionError(f"{name} must have shape {shape}, got {tuple(mask.shape)}")


def _to_be_added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(mask, float("-inf"))


MultiheadAttention.__module__ = "rnnswap.attention"
