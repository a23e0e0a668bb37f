"""IndRNN on the CPU by the C library: projection, loop and gradients."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops._scan import is_recorded, recorded_backward
from rnnswap.ops.indrnn.manual import Steps
from rnnswap.ops.indrnn.naive import indrnn_scan_naive


def indrnn_scan_cpu(*args: Any) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results."""
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in args[:6]):
        result: tuple[Tensor, Tensor] = _IndrnnScan.apply(*args)  # type: ignore[no-untyped-call]
        return result
    return _run_forward(*args)[:2]


def reasons_against_cpu(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> list[str]:
    """Return why the C loops cannot run with these arguments."""
    reasons = _native.reasons_against_native(x, h0, w_ih, u, b_ih, b_hh)
    return reasons + reasons_against_custom_autograd()


class _IndrnnScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
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
        inputs = (x, h0, w_ih, u, b_ih, b_hh)
        steps = _run_forward(*inputs, lengths, nonlinearity, reverse)
        ctx.set_materialize_grads(False)
        ctx.constants = (lengths, nonlinearity, reverse)
        ctx.save_for_backward(*inputs, steps.states)
        return steps.output, steps.h_n

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        *inputs, states = ctx.saved_tensors
        needs = ctx.needs_input_grad
        constants = (None, None, None)  # lengths, nonlinearity and reverse have no gradient
        if is_recorded(grads):
            found = recorded_backward(
                indrnn_scan_naive, inputs, ctx.constants, grads, needs[: len(inputs)]
            )
            return (*found, *constants)
        return (*_run_backward(grads, states, inputs, ctx.constants, needs), *constants)


#: struct indrnn of native.c.
_pack = _native.record(
    *_native.STEPS,
    ("q", "I H x_step x_row d_out_step d_out_row h0_row"),
    ("i", "by_units is_tanh d_out_is_one"),
    ("P", "x h0 w_ih u b_ih b_hh states h_n"),
    ("P", "d_out d_h d_pre d_u d_x dw_ih d_b d_b_too room"),
)
_NO_GRADIENTS = (0,) * 9  # what `forward` leaves of the structure


def _run_forward(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> Steps:
    """Run all steps; the states are zero past a row's length."""
    lengths = _native.lengths_for(lengths)
    steps = _native.steps(x, lengths, reverse)
    *shape, features = x.shape
    x, x_step, x_row = _native.rows(x)
    h0, w_ih, b_ih, b_hh = map(_native.contiguous, (h0, w_ih, b_ih, b_hh))
    u = u.contiguous()
    hidden = u.size(0)
    _check_shapes(x, h0, w_ih, u, b_ih, b_hh, steps[1])
    states, h_n = x.new_empty((*shape, hidden)), x.new_empty((steps[1], hidden))
    arguments = _pack(
        *steps,
        *(0 if w_ih is None else features, hidden),
        *(x_step, x_row, 0, 0, 0, 0, nonlinearity == "tanh", 0),
        *_native.pointers(x, h0, w_ih, u, b_ih, b_hh, states, h_n),
        *_NO_GRADIENTS,
    )
    _native.call(_functions()["forward"], arguments, x)
    return Steps(states, h_n, states)


def _run_backward(
    grads: tuple[Tensor | None, ...],
    states: Tensor,
    inputs: Any,
    constants: tuple[Tensor | None, str, bool],
    needs: Any,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `inputs`, where needed."""
    x, h0, w_ih, u, _, _ = inputs
    lengths, nonlinearity, reverse = constants
    lengths = _native.lengths_for(lengths)
    steps = _native.steps(x, lengths, reverse)
    _native.check_saved(grads, x, h0, w_ih, u, states)
    _check_shapes(x, h0, w_ih, u, None, None, steps[1])
    shape = x.shape
    _native.check_shapes(("the saved states", states, (*shape[:-1], u.size(0))))
    states = states.contiguous()  # hooks on saved tensors may bring them back in another layout
    x, x_step, x_row = _native.rows(x)
    d_out, d_out_step, d_out_row, is_one = _native.gradient_rows(grads[0], states)
    h0, u, w_ih = _native.contiguous(h0), u.contiguous(), _native.contiguous(w_ih)
    d_h = _native.running(grads[1], needs[1], states, steps[1], states.size(-1))
    d_pre, d_u = torch.empty_like(states), torch.empty_like(u)
    d_x = x.new_empty(shape) if needs[0] and w_ih is not None else None
    d_w_ih = torch.empty_like(w_ih) if w_ih is not None and needs[2] else None
    d_b_ih, d_b_hh = _native.room_for_biases(states, needs[4], needs[5])
    biases = (d_b_hh, None) if d_b_ih is None else (d_b_ih, d_b_hh)
    arguments = _pack(
        *steps,
        *(shape[-1], states.size(-1), x_step, x_row, d_out_step, d_out_row, 0),
        *(0, nonlinearity == "tanh", is_one),
        *_native.pointers(x, h0, w_ih, u, None, None, states, None),
        *_native.pointers(d_out, d_h, d_pre, d_u, d_x, d_w_ih, *biases),
        0,
    )
    _native.call(_functions()["backward"], arguments, states)
    d_x = d_pre if needs[0] and w_ih is None else d_x
    found = (d_x, d_h, d_w_ih, d_u, d_b_ih, d_b_hh)
    return tuple([g if need else None for g, need in zip(found, needs, strict=False)])


def _check_shapes(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    batch: int,
) -> None:
    hidden, features = u.size(0), x.size(-1)
    _native.check_shapes(
        ("h_0", h0, (batch, hidden)),
        ("weight_ih", w_ih, (hidden, features)),
        ("bias_ih", b_ih, (hidden,)),
        ("bias_hh", b_hh, (hidden,)),
    )
    if u.numel() != hidden:
        raise RuntimeError(f"expected weight_hh of shape {(hidden, 1)}, got {tuple(u.shape)}")
    if w_ih is None and features != hidden:
        raise RuntimeError(f"expected projected input of {hidden} features, got {features}")


@functools.cache
def _functions() -> dict[str, Any]:
    return {name: _native.function(f"rnnswap_indrnn_{name}") for name in ("forward", "backward")}


def forward_loop(projected: Tensor, h0: Tensor, u: Tensor, *constants: Any) -> Steps:
    """As manual.py's `forward_steps`."""
    return _run_forward(projected, h0, None, u, None, None, *constants)


def backward_loop(
    grads: tuple[Tensor, ...], states: Tensor, h0: Tensor, u: Tensor, *constants: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """As manual.py's `backward_steps`."""
    needs = (True, True, False, True, False, False)
    found: Any = _run_backward(grads, states, (states, h0, None, u, None, None), constants, needs)
    return found[0], found[1], found[3]
