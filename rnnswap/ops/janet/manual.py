"""JANET with its backward written by hand in PyTorch.

Forward keeps the gates' pre-activations and the carried states. Backward turns them into the local
derivatives of all steps at once, so that its loop is one matrix product and a few element-wise
operations a step; the weights' gradients are one product over all steps after the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnswap.ops._scan import (
    active_steps,
    bias_gradients,
    given_or_zeros,
    is_recorded,
    neighbours,
    packed_too,
    plain_gradient,
    project,
    project_backward,
    recorded_backward,
    row_ends,
    step_order,
    weight_gradient,
)
from rnnswap.ops.janet.naive import janet_scan_naive


class Steps(NamedTuple):
    """What the loop leaves behind: its results, and what backward needs."""

    output: Tensor  # (T, B, H or P), zero past a row's length
    h_n: Tensor
    c_n: Tensor
    gates: Tensor  # (T, B, 2H), tanh of the candidate, pre-activation of the forget gate
    carried: Tensor  # (T, B, H), c after each step
    hidden: Tensor  # (T, B, H or P), h after each step, held past a row's length


class Loops(NamedTuple):
    """The two loops over the steps; `forward_steps` and `backward_steps` say what they take."""

    forward: Callable[..., Steps]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]]


@packed_too
def janet_scan_manual(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results."""
    return janet_scan_with(Loops(forward_steps, backward_steps), *args)


def janet_scan_with(
    loops: Loops,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    w_ih: Tensor | None,
    w_hh: Tensor,
    *others: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, by the given loops."""
    h0, c0 = given_or_zeros(h0, x, w_hh.size(1)), given_or_zeros(c0, x, w_hh.size(0) // 2)
    result: tuple[Tensor, Tensor, Tensor]
    result = _JanetScan.apply(loops, x, h0, c0, w_ih, w_hh, *others)  # type: ignore[no-untyped-call]
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
            tuple(map(plain_gradient, grads)),
            gates,
            carried,
            hidden,
            h0,
            c0,
            w_hh,
            w_hr,
            *ctx.constants,
        )
        if w_ih is None:
            return (None, d_gates, d_h0, d_c0, None, d_w_hh, None, None, d_w_hr, *constants)
        any_bias = needs[5] or needs[6]
        d_x, d_w_ih, d_b = project_backward(d_gates, x, w_ih, (needs[0], needs[3], any_bias))
        d_b_ih, d_b_hh = bias_gradients(d_b, needs[5], needs[6])
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
    """Run the loop on `gates` (T, B, 2H), the projected input, overwritten by what Steps says."""
    steps, batch = gates.shape[:2]
    active = active_steps(lengths, steps, gates.device)
    carried = gates.new_empty((steps, batch, c.size(-1)))
    # One buffer serves both unless h is projected, or is held apart from c in a row that has not
    # begun.
    together = w_hr is None and active is None
    hidden = carried if together else gates.new_empty((steps, batch, h.size(-1)))
    u = w_hh.t()
    # All steps' views at once: taking one in the loop costs as much as a small operation.
    views = [buffer.unbind() for buffer in (gates, *gates.chunk(2, -1), carried, hidden)]
    for t in step_order(steps, reverse):
        both, g, s, new_c, new_h = (view[t] for view in views)
        both.addmm_(h, u)
        torch.mul(torch.sigmoid(s), c, out=new_c)
        new_c.addcmul_(torch.rsub(s, beta).sigmoid_(), g.tanh_())
        if w_hr is not None:
            torch.mm(new_c, w_hr.t(), out=new_h)
        elif not together:
            new_h.copy_(new_c)
        if active is not None:
            new_h.copy_(torch.where(active[t], new_h, h))
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
    d_output, d_h, d_c = grads
    first, last = row_ends(lengths, len(gates), reverse, gates.device)
    active = active_steps(lengths, len(gates), gates.device)
    idle = None if active is None else ~active
    slopes, keep = _local_derivatives(gates, carried, c0, beta, reverse)
    if idle is None:
        d_hidden = d_output.clone(memory_format=torch.contiguous_format)
    else:
        slopes.masked_fill_(idle.unsqueeze(-1), 0.0)
        keep.masked_fill_(idle, 1.0)
        d_hidden = d_output.masked_fill(idle, 0.0)
    d_hidden[last] += d_h
    d_gates = slopes.flatten(2)  # what the slopes become, step by step
    views = [buffer.unbind() for buffer in (slopes, d_gates, keep, d_hidden)]
    after: Tensor | None = None
    product, kept = torch.empty_like(h0), c0.new_ones(())
    for t in step_order(len(gates), not reverse):
        slope, both, keep_now, d_h = (view[t] for view in views)
        if after is not None:
            # Not addmm_: small products added to a large number one by one round more.
            d_h.add_(torch.mm(after, w_hh, out=product))
        if idle is not None:
            d_h.masked_fill_(idle[t], 0.0)
        through_h = d_h if w_hr is None else d_h @ w_hr
        d_c = torch.addcmul(through_h, d_c, kept)
        slope.mul_(d_c.unsqueeze(1))
        after, kept = both, keep_now
    d_w_hh = weight_gradient(d_gates, hidden, h0, reverse)
    d_w_hr = None if w_hr is None else d_hidden.flatten(0, 1).t() @ carried.flatten(0, 1)
    return d_gates, d_gates[first] @ w_hh, d_c * kept, d_w_hh, d_w_hr


def _local_derivatives(
    gates: Tensor, carried: Tensor, c0: Tensor, beta: float, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Return dc/d(pre-activations) (T, B, 2, H), rows [c, f], and dc/dc' (T, B, H)."""
    g, s = gates.chunk(2, -1)
    keep, put = torch.sigmoid(s), torch.rsub(s, beta).sigmoid_()
    slopes = gates.new_empty((*s.shape[:2], 2, s.size(-1)))
    of_g, of_s = slopes.unbind(2)
    through_tanh = torch.ops.aten.tanh_backward.grad_input
    through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
    through_tanh(put, g, grad_input=of_g)
    (now, before), first = neighbours(reverse)
    through_sigmoid(carried[before], keep[now], grad_input=of_s[now])
    through_sigmoid(c0, keep[first], grad_input=of_s[first])
    one = put.new_ones(()).expand_as(put)
    of_s.addcmul_(through_sigmoid(one, put, grad_input=put), g, value=-1)
    return slopes, keep
