"""JANET as an operator of torch.library, for torch.compile: one node, whatever the length.

Compile time does not grow with T, and the graph is not broken. Eager code does not come here: an
operator costs several times the call of an autograd.Function.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnswap.ops._scan import given_or_zeros, project
from rnnswap.ops.janet.loops import best_loops
from rnnswap.ops.janet.manual import Steps


def janet_scan_library(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    w_ih: Tensor | None,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results."""
    gates = x if w_ih is None else project(x, w_ih, b_ih, b_hh)
    h0, c0 = given_or_zeros(h0, x, w_hh.size(1)), given_or_zeros(c0, x, w_hh.size(0) // 2)
    output, h_n, c_n, *_ = _steps(gates, h0, c0, w_hh, w_hr, lengths, beta, reverse)
    return output, h_n, c_n


@torch.library.custom_op("rnnswap::janet_steps", mutates_args=())
def _steps(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The loop; what would be returned twice comes back empty the second time."""
    loops = best_loops(gates, h0, c0, w_hh, w_hr=w_hr, beta=beta)
    steps = loops.forward(gates.clone(), h0, c0, w_hh, w_hr, lengths, beta, reverse)
    together = w_hr is None and lengths is None
    carried = gates.new_empty(0) if together else _own(steps.carried, steps)
    hidden = gates.new_empty(0) if lengths is None else _own(steps.hidden, steps)
    return (*steps[:4], carried, hidden)


def _own(tensor: Tensor, steps: Steps) -> Tensor:
    """Return a copy if it is the output as well: an operator may not return a tensor twice."""
    return tensor.clone() if tensor is steps.output else tensor


@_steps.register_fake
def _(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, ...]:
    steps, batch, _ = gates.shape
    output = gates.new_empty((steps, batch, h0.size(-1)))
    together = w_hr is None and lengths is None
    carried = gates.new_empty(0) if together else gates.new_empty((steps, batch, c0.size(-1)))
    hidden = gates.new_empty(0) if lengths is None else torch.empty_like(output)
    h_n, c_n = gates.new_empty(h0.shape), gates.new_empty(c0.shape)
    return output, h_n, c_n, gates.new_empty(gates.shape), carried, hidden


@torch.library.custom_op("rnnswap::janet_steps_backward", mutates_args=())
def _steps_backward(
    d_output: Tensor,
    d_h: Tensor,
    d_c: Tensor,
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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    grads = (d_output, d_h, d_c)
    states = (carried, hidden, h0, c0)
    loops = best_loops(gates, h0, c0, w_hh, w_hr=w_hr, beta=beta)
    *found, d_w_hr = loops.backward(grads, gates, *states, w_hh, w_hr, lengths, beta, reverse)
    # Operators may not return their arguments, nor None.
    d_gates, d_h0, d_c0, d_w_hh = found
    d_h0, d_c0 = (d.clone() if d is given else d for d, given in ((d_h0, d_h), (d_c0, d_c)))
    return d_gates, d_h0, d_c0, d_w_hh, gates.new_empty(0) if d_w_hr is None else d_w_hr


@_steps_backward.register_fake
def _(
    d_output: Tensor,
    d_h: Tensor,
    d_c: Tensor,
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
) -> tuple[Tensor, ...]:
    like = (gates, h0, c0, w_hh)
    d_w_hr = gates.new_empty(0) if w_hr is None else gates.new_empty(w_hr.shape)
    return (*(gates.new_empty(t.shape) for t in like), d_w_hr)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, h0, c0, w_hh, w_hr, lengths, beta, reverse = inputs
    result, _, _, gates, carried, hidden = output
    together = w_hr is None and lengths is None
    carried = result if together else carried
    hidden = result if lengths is None else hidden
    ctx.constants = (beta, reverse)
    ctx.save_for_backward(gates, carried, hidden, h0, c0, w_hh, w_hr, lengths)


def _backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    *_, w_hr, _ = saved = ctx.saved_tensors
    d_output, d_h, d_c = (g.contiguous() for g in grads[:3])
    found = _steps_backward(d_output, d_h, d_c, *saved, *ctx.constants)
    d_gates, d_h0, d_c0, d_w_hh, d_w_hr = found
    return d_gates, d_h0, d_c0, d_w_hh, None if w_hr is None else d_w_hr, None, None, None


_steps.register_autograd(_backward, setup_context=_remember)
