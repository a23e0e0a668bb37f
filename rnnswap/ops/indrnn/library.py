"""IndRNN as an operator of torch.library, for torch.compile: one node, whatever the length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnswap.ops._scan import given_or_zeros, project
from rnnswap.ops.indrnn.loops import best_loops


def indrnn_scan_library(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results."""
    projected = x if w_ih is None else project(x, w_ih, b_ih, b_hh)
    h0, u = given_or_zeros(h0, x, u.size(0)), u.squeeze(1)
    output, h_n, _ = _steps(projected, h0, u, lengths, nonlinearity, reverse)
    return output, h_n


@torch.library.custom_op("rnnswap::indrnn_steps", mutates_args=())
def _steps(
    projected: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loop; the states come back empty where they are the output."""
    loops = best_loops(projected, h0, u)
    steps = loops.forward(projected.clone(), h0, u, lengths, nonlinearity, reverse)
    if lengths is None:
        return steps.output, steps.h_n, projected.new_empty(0)
    # An operator may not return a tensor twice.
    held = steps.states.clone() if steps.states is steps.output else steps.states
    return steps.output, steps.h_n, held


@_steps.register_fake
def _(
    projected: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    states = projected.new_empty(0 if lengths is None else projected.shape)
    return projected.new_empty(projected.shape), h0.new_empty(h0.shape), states


@torch.library.custom_op("rnnswap::indrnn_steps_backward", mutates_args=())
def _steps_backward(
    d_output: Tensor,
    d_h: Tensor,
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return best_loops(states, h0, u).backward(
        (d_output, d_h), states, h0, u, lengths, nonlinearity, reverse
    )


@_steps_backward.register_fake
def _(
    d_output: Tensor,
    d_h: Tensor,
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return states.new_empty(states.shape), h0.new_empty(h0.shape), u.new_empty(u.shape)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, h0, u, lengths, nonlinearity, reverse = inputs
    result, _, states = output
    ctx.constants = (nonlinearity, reverse)
    ctx.save_for_backward(result if lengths is None else states, h0, u, lengths)


def _backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    d_output, d_h = (g.contiguous() for g in grads[:2])
    found = _steps_backward(d_output, d_h, *ctx.saved_tensors, *ctx.constants)
    return (*found, None, None, None)


_steps.register_autograd(_backward, setup_context=_remember)
