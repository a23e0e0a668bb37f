"""IndRNN with its backward written by hand in PyTorch.

Forward turns the projected input into the states, in place, and keeps nothing else. Backward's loop
is a few element-wise operations a step.
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
)
from rnnswap.ops.indrnn.naive import indrnn_scan_naive


class Steps(NamedTuple):
    """What the loop leaves behind: its results, and what backward needs."""

    output: Tensor  # (T, B, H), zero past a row's length
    h_n: Tensor
    states: Tensor  # (T, B, H), held past a row's length


class Loops(NamedTuple):
    """The two loops over the steps; `forward_steps` and `backward_steps` say what they take."""

    forward: Callable[..., Steps]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor]]


@packed_too
def indrnn_scan_manual(*args: Any) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results."""
    return indrnn_scan_with(Loops(forward_steps, backward_steps), *args)


def indrnn_scan_with(
    loops: Loops, x: Tensor, h0: Tensor | None, w_ih: Tensor | None, u: Tensor, *others: Any
) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, by the given loops."""
    h0 = given_or_zeros(h0, x, u.size(0))
    result: tuple[Tensor, Tensor]
    result = _IndrnnScan.apply(loops, x, h0, w_ih, u, *others)  # type: ignore[no-untyped-call]
    return result


class _IndrnnScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        loops: Loops,
        x: Tensor,
        h0: Tensor,
        w_ih: Tensor | None,
        u: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
        lengths: Tensor | None,
        nonlinearity: str,
        reverse: bool,
    ) -> tuple[Tensor, Tensor]:
        projected = x.clone() if w_ih is None else project(x, w_ih, b_ih, b_hh)
        steps = loops.forward(projected, h0, u.squeeze(1), lengths, nonlinearity, reverse)
        ctx.loops = loops
        ctx.constants = (lengths, nonlinearity, reverse)
        ctx.save_for_backward(x, h0, w_ih, u, b_ih, b_hh, steps.states)
        return steps.output, steps.h_n

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        *inputs, states = ctx.saved_tensors
        needs = ctx.needs_input_grad[1:]
        constants = (None, None, None)  # lengths, nonlinearity and reverse have no gradient
        if is_recorded(grads):
            found = recorded_backward(
                indrnn_scan_naive, inputs, ctx.constants, grads, needs[: len(inputs)]
            )
            return (None, *found, *constants)
        x, h0, w_ih, u, _, _ = inputs
        d_projected, d_h0, d_u = ctx.loops.backward(
            tuple(map(plain_gradient, grads)), states, h0, u.squeeze(1), *ctx.constants
        )
        d_u = d_u.unsqueeze(1)
        if w_ih is None:
            return (None, d_projected, d_h0, None, d_u, None, None, *constants)
        any_bias = needs[4] or needs[5]
        d_x, d_w_ih, d_b = project_backward(d_projected, x, w_ih, (needs[0], needs[2], any_bias))
        d_b_ih, d_b_hh = bias_gradients(d_b, needs[4], needs[5])
        return (None, d_x, d_h0, d_w_ih, d_u, d_b_ih, d_b_hh, *constants)


def forward_steps(
    projected: Tensor,
    h: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> Steps:
    """Run the loop, u being (H,), on the projected input (T, B, H), which becomes the states."""
    active = active_steps(lengths, len(projected), projected.device)
    activation_ = torch.relu_ if nonlinearity == "relu" else torch.tanh_
    steps = projected.unbind()
    for t in step_order(len(steps), reverse):
        new_h = activation_(steps[t].addcmul_(u, h))
        if active is not None:
            new_h.copy_(torch.where(active[t], new_h, h))
        h = new_h
    output = projected if active is None else projected.masked_fill(~active, 0.0)
    return Steps(output, h.clone(), projected)


def backward_steps(
    grads: tuple[Tensor, ...],
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the projected input, h0 and u.

    Args:
        grads: Of output and h_n.
        states: and what follows: as `forward_steps` was given and left behind.
    """
    d_output, d_h = grads
    first, last = row_ends(lengths, len(states), reverse, states.device)
    active = active_steps(lengths, len(states), states.device)
    idle = None if active is None else ~active
    if idle is None:
        d_pre = d_output.clone(memory_format=torch.contiguous_format)
    else:
        d_pre = d_output.masked_fill(idle, 0.0)
    d_pre[last] += d_h
    state, step = states.unbind(), d_pre.unbind()
    after: Tensor | None = None
    for t in step_order(len(step), not reverse):
        now = step[t] if after is None else step[t].addcmul_(after, u)
        if idle is not None:
            now.masked_fill_(idle[t], 0.0)
        if nonlinearity == "relu":
            # Not (states > 0): the gradient of relu at NaN is the incoming one, as torch's.
            torch.ops.aten.threshold_backward.grad_input(now, state[t], 0, grad_input=now)
        else:
            torch.ops.aten.tanh_backward.grad_input(now, state[t], grad_input=now)
        after = now
    (later, before), start = neighbours(reverse)
    d_u = (d_pre[start] * h0).sum(0) + (d_pre[later] * states[before]).sum((0, 1))
    return d_pre, d_pre[first] * u, d_u
