"""Dot-product attention without its weights: memory linear in the number of steps.

F.scaled_dot_product_attention never holds the (Tq, Tk) weights, but its fused kernels cannot be
differentiated twice; here a backward that is itself recorded goes through the written-out form.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from rnnswap._tracing import is_transformed
from rnnswap.attention._masked import allowed_keys, masked_softmax


def dot_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> Tensor:
    """Return softmax(scale * query key^T) over the keys: (..., Tq, Tk)."""
    mask = allowed_keys(mask, causal, query.size(-2), key.size(-2), query.device)
    if scale != 1.0:
        query = query * scale
    scores = query @ key.transpose(-1, -2)
    return masked_softmax(scores, mask, in_place=_is_plain() and _may_be_reused(scores))


def dot_context(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    causal: bool,
    scale: float,
    dropout: float = 0.0,
) -> Tensor:
    """Return softmax(scale * query key^T) value without holding the weights.

    Args:
        query: (B, heads, Tq, E).
        key: (B, heads, Tk, E).
        value: (B, heads, Tk, V).
        mask: None, or 4-D and broadcastable to (B, heads, Tq, Tk), as in `masked_softmax`.
        causal: Query i attends to keys 0..i.
        scale: Of the scores.
        dropout: Share of the weights set to zero; with it the weights are held on a CPU.

    Returns:
        (B, heads, Tq, V), zero where every key is masked.
    """
    # The fused kernels want one width; zeros change neither the scores nor the columns kept.
    width = value.size(-1)
    if query.size(-1) < width:
        query, key = _widened(query, width), _widened(key, width)
    value = _widened(value, query.size(-1))
    if causal and mask is not None:
        mask = allowed_keys(mask, causal, query.size(-2), key.size(-2), query.device)
        causal = False
    if dropout:
        context = F.scaled_dot_product_attention(
            query, key, value, mask, dropout, causal, scale=scale
        )
    else:
        context = _fused(query, key, value, mask, causal, scale)
    return context if context.size(-1) == width else context[..., :width]


def _widened(tensor: Tensor, width: int) -> Tensor:
    missing = width - tensor.size(-1)
    return F.pad(tensor, (0, missing)) if missing else tensor


def _fused(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> Tensor:
    if _is_traced() and not is_transformed():
        return _kernel(query, key, value, mask, causal, scale)
    # Neither functorch's transforms nor forward-mode AD have a rule for the kernels.
    if not _is_plain():
        return dot_weights(query, key, mask, causal, scale) @ value
    tensors = (query, key, value) if mask is None else (query, key, value, mask)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        context: Tensor = _TwiceDifferentiable.apply(  # type: ignore[no-untyped-call]
            query, key, value, mask, causal, scale
        )
        return context
    return _kernel(query, key, value, mask, causal, scale)


def _may_be_reused(scores: Tensor) -> bool:
    # Autocast chooses the type of a softmax, where it has none to write into.
    return not (scores.requires_grad or torch.is_autocast_enabled(scores.device.type))


def _is_traced() -> bool:
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def _is_plain() -> bool:
    """Return whether operations just run: no tracing, no transform, no forward-mode AD."""
    return not (_is_traced() or is_transformed() or forward_ad._current_level >= 0)


def _kernel(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> Tensor:
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=scale
    )


class _TwiceDifferentiable(torch.autograd.Function):
    """The kernel and its own backward; the written-out form where the backward is recorded."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        tensors, (causal, scale) = arguments[:4], arguments[4:]
        with torch.enable_grad():
            inner = [
                t.detach().requires_grad_(needed) if isinstance(t, Tensor) else t
                for t, needed in zip(tensors, ctx.needs_input_grad, strict=False)
            ]
            query, key, value, mask = inner
            ctx.context = _kernel(query, key, value, mask, causal, scale)
        ctx.inner, ctx.causal, ctx.scale = inner, causal, scale
        ctx.save_for_backward(*tensors)
        context: Tensor = ctx.context.detach()
        return context

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        again = torch.is_grad_enabled()
        if again:
            inner = ctx.saved_tensors
            query, key, value, mask = inner
            context = dot_weights(query, key, mask, ctx.causal, ctx.scale) @ value
        else:
            inner, context = ctx.inner, ctx.context
        wanted = [i for i in range(4) if ctx.needs_input_grad[i]]
        found = torch.autograd.grad(
            context,
            [inner[i] for i in wanted],
            grad.to(context.dtype),
            retain_graph=True,
            create_graph=again,
        )
        grads: list[Tensor | None] = [None] * 6
        for i, each in zip(wanted, found, strict=True):
            grads[i] = each
        return tuple(grads)
