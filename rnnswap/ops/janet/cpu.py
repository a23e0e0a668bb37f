"""JANET on the CPU by the C library: projection, loop and gradients."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops._scan import is_recorded, recorded_backward
from rnnswap.ops.janet.manual import Steps
from rnnswap.ops.janet.naive import janet_scan_naive

#: The kernel works with exp(s) and exp(-beta), each within float32's range.
_LARGEST_BETA = 40.0


def janet_scan_cpu(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results."""
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in args[:8]):
        result: tuple[Tensor, Tensor, Tensor]
        result = _JanetScan.apply(*args)  # type: ignore[no-untyped-call]
        return result
    return _run_forward(False, *args)[:3]


def reasons_against_cpu(
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
) -> list[str]:
    """Return why the C loops cannot run with these arguments."""
    reasons = _native.reasons_against_native(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)
    reasons += reasons_against_beta(beta)
    return reasons + reasons_against_custom_autograd()


def reasons_against_beta(beta: float) -> list[str]:
    """Return why the C loops cannot run with this beta."""
    if abs(beta) > _LARGEST_BETA:
        return [f"exp(-beta) of beta = {beta} leaves the range of float32"]
    return []


class _JanetScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
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
        inputs = (x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)
        steps = _run_forward(True, *inputs, lengths, beta, reverse)
        ctx.set_materialize_grads(False)
        ctx.constants = (lengths, beta, reverse)
        ctx.save_for_backward(*inputs, *steps[3:])
        return steps[:3]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        *inputs, gates, carried, hidden = ctx.saved_tensors
        needs = ctx.needs_input_grad
        constants = (None, None, None)  # lengths, beta and reverse have no gradient
        if is_recorded(grads):
            found = recorded_backward(
                janet_scan_naive, inputs, ctx.constants, grads, needs[: len(inputs)]
            )
            return (*found, *constants)
        saved = (gates, carried, hidden)
        return (*_run_backward(grads, saved, inputs, ctx.constants, needs), *constants)


#: struct janet of native.c.
_pack = _native.record(
    *_native.STEPS,
    ("q", "I H P x_step x_row d_out_step d_out_row h0_row c0_row d_h_row"),
    ("i", "by_units needs_d_h0 d_out_is_one"),
    ("d", "shift"),
    ("P", "x h0 c0 w_ih w_hh b_ih b_hh w_hr gates states output h_n c_n"),
    ("P", "d_out d_h d_c d_gates d_hidden d_x dw_ih dw_hh dw_hr d_b d_b_too room"),
)
_NO_GRADIENTS = (0,) * 12  # what `forward` leaves of the structure


def _run_forward(
    keep: bool,
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
) -> Steps:
    """Run all steps; without `keep` the gates, which only backward needs, are left out.

    Of the result `gates` (T, B, 2H) holds tanh(g) and exp(-s), and `carried` and `hidden` are zero
    past a row's length.
    """
    lengths = _native.lengths_for(lengths)
    steps = _native.steps(x, lengths, reverse)
    *shape, features = x.shape
    x, x_step, x_row = _native.rows(x)
    h0, c0, w_ih, b_ih, b_hh, w_hr = map(_native.contiguous, (h0, c0, w_ih, b_ih, b_hh, w_hr))
    w_hh = w_hh.contiguous()
    hidden = w_hh.size(0) // 2
    projected = 0 if w_hr is None else w_hr.size(0)
    _check_shapes(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, steps[1])
    states = x.new_empty((*shape, hidden))
    gates = x.new_empty((*shape, 2 * hidden)) if keep else states  # not read then
    output = states if w_hr is None else x.new_empty((*shape, projected))
    h_n, c_n = x.new_empty((steps[1], projected or hidden)), x.new_empty((steps[1], hidden))
    sizes = (0 if w_ih is None else features, hidden, projected)
    tensors = (x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, gates if keep else None)
    arguments = _pack(
        *steps,
        *sizes,
        *(x_step, x_row, 0, 0, 0, 0, 0, 0, 0, 0, math.exp(-beta)),
        *_native.pointers(*tensors, states, output, h_n, c_n),
        *_NO_GRADIENTS,
    )
    _native.call(_functions()["forward"], arguments, x)
    return Steps(output, h_n, c_n, gates, states, output)


def _run_backward(
    grads: tuple[Tensor | None, ...],
    saved: tuple[Tensor, Tensor, Tensor],
    inputs: Any,
    constants: tuple[Tensor | None, float, bool],
    needs: Any,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `inputs`, where needed."""
    x, h0, c0, w_ih, w_hh, _, _, w_hr = inputs
    lengths, beta, reverse = constants
    # Hooks on saved tensors may bring them back in another layout.
    gates, states, output = (t.contiguous() for t in saved)
    lengths = _native.lengths_for(lengths)
    steps = _native.steps(x, lengths, reverse)
    shape = x.shape
    _native.check_saved(grads, x, h0, c0, w_ih, w_hh, w_hr, *saved)
    _check_shapes(x, h0, c0, w_ih, w_hh, None, None, w_hr, steps[1])
    _check_steps(shape, w_hh, w_hr, *saved)
    x, x_step, x_row = _native.rows(x)
    d_out, d_out_step, d_out_row, is_one = _native.gradient_rows(grads[0], output)
    h0, c0, w_ih, w_hr = map(_native.contiguous, (h0, c0, w_ih, w_hr))
    w_hh = w_hh.contiguous()
    d_h = _native.running(grads[1], needs[1], output, steps[1], output.size(-1))
    d_c = _native.running(grads[2], needs[2], output, steps[1], states.size(-1))
    d_gates = torch.empty_like(gates)
    d_hidden = None if w_hr is None else torch.empty_like(output)
    d_x = x.new_empty(shape) if needs[0] and w_ih is not None else None
    d_w_ih = torch.empty_like(w_ih) if w_ih is not None and needs[3] else None
    d_w_hh = torch.empty_like(w_hh) if needs[4] else None
    d_b_ih, d_b_hh = _native.room_for_biases(gates, needs[5], needs[6])
    biases = (d_b_hh, None) if d_b_ih is None else (d_b_ih, d_b_hh)
    d_w_hr = torch.empty_like(w_hr) if w_hr is not None and needs[7] else None
    sizes = (shape[-1], states.size(-1), 0 if w_hr is None else w_hr.size(0))
    tensors = (x, h0, c0, w_ih, w_hh, None, None, w_hr, gates, states, output)
    last = (None, None)  # of forward
    results = (d_h, d_c, d_gates, d_hidden, d_x, d_w_ih, d_w_hh, d_w_hr, *biases)
    arguments = _pack(
        *steps,
        *sizes,
        *(x_step, x_row, d_out_step, d_out_row, 0, 0, 0, 0, needs[1], is_one, math.exp(-beta)),
        *_native.pointers(*tensors, *last, d_out, *results),
        0,
    )
    _native.call(_functions()["backward"], arguments, gates)
    d_x = d_gates if needs[0] and w_ih is None else d_x
    found = (d_x, d_h, d_c, d_w_ih, d_w_hh, d_b_ih, d_b_hh, d_w_hr)
    return tuple([g if need else None for g, need in zip(found, needs, strict=False)])


def _check_shapes(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    w_ih: Tensor | None,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    batch: int,
) -> None:
    rows = w_hh.size(0) // 2 * 2
    hidden, features = rows // 2, x.size(-1)
    width = hidden if w_hr is None else w_hr.size(0)
    _native.check_shapes(
        ("h_0", h0, (batch, width)),
        ("c_0", c0, (batch, hidden)),
        ("weight_ih", w_ih, (rows, features)),
        ("weight_hh", w_hh, (rows, width)),
        ("bias_ih", b_ih, (rows,)),
        ("bias_hh", b_hh, (rows,)),
        ("weight_hr", w_hr, (width, hidden)),
    )
    if w_ih is None and features != rows:
        raise RuntimeError(f"expected projected input of {rows} features, got {features}")


def _check_steps(
    shape: torch.Size, w_hh: Tensor, w_hr: Tensor | None, gates: Tensor, states: Tensor, h: Tensor
) -> None:
    """Refuse results of forward that hooks brought back in another shape."""
    rows, width = w_hh.shape
    _native.check_shapes(
        ("the saved gates", gates, (*shape[:-1], rows)),
        ("the saved states", states, (*shape[:-1], rows // 2)),
        ("the saved output", h, (*shape[:-1], width)),
    )


@functools.cache
def _functions() -> dict[str, Any]:
    return {name: _native.function(f"rnnswap_janet_{name}") for name in ("forward", "backward")}


def forward_loop(
    gates: Tensor, h0: Tensor, c0: Tensor, w_hh: Tensor, w_hr: Tensor | None, *constants: Any
) -> Steps:
    """As manual.py's `forward_steps`."""
    return _run_forward(True, gates, h0, c0, None, w_hh, None, None, w_hr, *constants)


def backward_loop(
    grads: tuple[Tensor, ...],
    gates: Tensor,
    carried: Tensor,
    hidden: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    *constants: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """As manual.py's `backward_steps`."""
    inputs = (gates, h0, c0, None, w_hh, None, None, w_hr)
    needs = (True, True, True, False, True, False, False, w_hr is not None)
    found: Any = _run_backward(grads, (gates, carried, hidden), inputs, constants, needs)
    return found[0], found[1], found[2], found[4], found[7]
