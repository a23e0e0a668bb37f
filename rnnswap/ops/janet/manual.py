"""JANET with its backward written by hand in PyTorch.

Forward keeps the gates' pre-activations and the carried states. Backward turns them into the local
derivatives of all steps at once, so that its loop is one matrix product and a few element-wise
operations a step; the weights' gradients are one product over all steps after the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.ops._scan import (
    active_steps,
    is_recorded,
    previous,
    project,
    project_backward,
    recorded_backward,
    step_order,
)
from rnnswap.ops.janet.naive import janet_scan_naive


class Steps(NamedTuple):
    """What the loop leaves behind: its results, and what backward needs."""

    output: Tensor  # (T, B, H or P), zero past a row's length
    h_n: Tensor
    c_n: Tensor
    gates: Tensor  # (T, B, 2H), the pre-activations
    carried: Tensor  # (T, B, H), c after each step
    hidden: Tensor  # (T, B, H or P), h after each step, held past a row's length


class Loops(NamedTuple):
    """The two loops over the steps; `forward_steps` and `backward_steps` say what they take."""

    forward: Callable[..., Steps]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]]


def janet_scan_manual(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results."""
    return janet_scan_with(Loops(forward_steps, backward_steps), *args)


def janet_scan_with(loops: Loops, *args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, by the given loops."""
    result: tuple[Tensor, Tensor, Tensor]
    result = _JanetScan.apply(loops, *args)  # type: ignore[no-untyped-call]
    return result


class _JanetScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        loops: Loops,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        w_ih: Tensor | None,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
        w_hr: Tensor | None,
        lengths: Tensor | None,
        beta: float,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        gates = x.clone() if w_ih is None else project(x, w_ih, b_ih, b_hh)
        steps = loops.forward(gates, h0, c0, w_hh, w_hr, lengths, beta, reverse)
        ctx.loops = loops
        ctx.constants = (lengths, beta, reverse)
        ctx.save_for_backward(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, *steps[3:])
        return steps[:3]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        *inputs, gates, carried, hidden = ctx.saved_tensors
        needs = ctx.needs_input_grad[1:]
        constants = (None, None, None)  # lengths, beta and reverse have no gradient
        if is_recorded(grads):
            found = recorded_backward(
                janet_scan_naive, inputs, ctx.constants, grads, needs[: len(inputs)]
            )
            return (None, *found, *constants)
        x, h0, c0, w_ih, w_hh, _, _, w_hr = inputs
        d_gates, d_h0, d_c0, d_w_hh, d_w_hr = ctx.loops.backward(
            grads, gates, carried, hidden, h0, c0, w_hh, w_hr, *ctx.constants
        )
        if w_ih is None:
            return (None, d_gates, d_h0, d_c0, None, d_w_hh, None, None, d_w_hr, *constants)
        any_bias = needs[5] or needs[6]
        d_x, d_w_ih, d_b = project_backward(d_gates, x, w_ih, (needs[0], needs[3], any_bias))
        d_b_ih, d_b_hh = (d_b if need else None for need in needs[5:7])
        return (None, d_x, d_h0, d_c0, d_w_ih, d_w_hh, d_b_ih, d_b_hh, d_w_hr, *constants)


def forward_steps(
    gates: Tensor,
    h: Tensor,
    c: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> Steps:
    """Run the loop on `gates` (T, B, 2H), the projected input, overwritten by pre-activations."""
    steps, batch = gates.shape[:2]
    active = active_steps(lengths, steps, gates.device)
    carried = gates.new_empty((steps, batch, c.size(-1)))
    # One buffer serves both unless h is projected, or is held apart from c in a row that has not
    # begun.
    together = w_hr is None and active is None
    hidden = carried if together else gates.new_empty((steps, batch, h.size(-1)))
    u = w_hh.t()
    for t in step_order(steps, reverse):
        pre_g, s = gates[t].addmm_(h, u).chunk(2, -1)
        new_c = torch.mul(torch.sigmoid(s), c, out=carried[t])
        new_c.addcmul_(torch.sigmoid_(beta - s), torch.tanh(pre_g))
        new_h = new_c if w_hr is None else F.linear(new_c, w_hr)
        if not together:
            new_h = new_h if active is None else torch.where(active[t], new_h, h)
            new_h = hidden[t].copy_(new_h)
        if active is not None:
            new_c.copy_(torch.where(active[t], new_c, c))
        h, c = new_h, new_c
    output = hidden if active is None else hidden.masked_fill(~active, 0.0)
    return Steps(output, h.clone(), c.clone(), gates, carried, hidden)


def backward_steps(
    grads: tuple[Tensor, ...],
    gates: Tensor,
    carried: Tensor,
    hidden: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Return the gradients of the projected input, h0, c0, w_hh and w_hr.

    Args:
        grads: Of output, h_n and c_n.
        gates: and what follows: as `forward_steps` was given and left behind.
    """
    active = active_steps(lengths, gates.size(0), gates.device)
    d_output, d_h, d_c = grads
    slopes, keep = _local_derivatives(gates, previous(carried, c0, reverse), beta)
    if active is not None:
        slopes.masked_fill_(~active.unsqueeze(-1), 0.0)
        keep.masked_fill_(~active, 1.0)
        d_output = d_output.masked_fill(~active, 0.0)
    d_gates = torch.empty_like(slopes)  # (T, B, 2, H)
    d_hidden = torch.empty_like(d_output)  # of h as made at each step; asked for by w_hr alone
    for t in step_order(gates.size(0), not reverse):
        d_h = d_h + d_output[t]
        here = d_h if active is None else torch.where(active[t], d_h, 0.0)
        if w_hr is None:
            d_c = d_c + here
        else:
            d_hidden[t] = here
            d_c = torch.addmm(d_c, here, w_hr)
        torch.mul(slopes[t], d_c.unsqueeze(1), out=d_gates[t])
        through = d_gates[t].flatten(1) @ w_hh
        d_h = through if active is None else torch.where(active[t], through, d_h)
        d_c = d_c * keep[t]
    d_gates = d_gates.flatten(2)
    d_w_hh = d_gates.flatten(0, 1).t() @ previous(hidden, h0, reverse).flatten(0, 1)
    d_w_hr = None if w_hr is None else d_hidden.flatten(0, 1).t() @ carried.flatten(0, 1)
    return d_gates, d_h, d_c, d_w_hh, d_w_hr


def _local_derivatives(gates: Tensor, c_before: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Return dc/d(pre-activations) (T, B, 2, H), rows [c, f], and dc/dc' (T, B, H)."""
    pre_g, s = gates.chunk(2, -1)
    g, f, i = torch.tanh(pre_g), torch.sigmoid(s), torch.sigmoid(beta - s)
    slopes = gates.new_empty((*s.shape[:2], 2, s.size(-1)))
    torch.mul(i, 1 - g * g, out=slopes[:, :, 0])
    torch.mul(f * (1 - f), c_before, out=slopes[:, :, 1])
    slopes[:, :, 1].addcmul_(i * (1 - i), g, value=-1)
    return slopes, f
