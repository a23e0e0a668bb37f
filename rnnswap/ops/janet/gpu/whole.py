"""All steps of JANET in one kernel: a program holds the weights and runs a tile of rows alone."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnswap.ops.gpu import (
    INTERPRETED,
    Layout,
    accumulator,
    is_running,
    step_offset,
    steps_of_tile,
    tanh,
    time_of,
)
from rnnswap.ops.janet.gpu.cell import compiled_for, new_state, slopes
from rnnswap.ops.janet.manual import Steps

#: Rows of a tile: the least that tensor cores multiply.
_ROWS = 16


def forward_loop(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    states: Tensor,
    layout: Layout,
    beta: float,
    reverse: bool,
) -> Steps:
    """Run the loop on contiguous tensors, writing `states`, and to `gates` what `Steps` says."""
    h_n, c_n = torch.empty_like(h0), torch.empty_like(c0)
    _forward_all[(triton.cdiv(layout.batch, _ROWS),)](
        *(gates, h0, c0, w_hh, states, h_n, c_n, layout.starts, layout.lengths),
        *(layout.steps, layout.batch, c0.size(1)),
        **compiled_for(layout, gates, beta, reverse),
        **_loop_tile(c0),
    )
    return Steps(states, h_n, c_n, gates, states, states)


def backward_loop(
    d_output: Tensor,
    d_h: Tensor,
    d_c: Tensor,
    gates: Tensor,
    carried: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    layout: Layout,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the projected input, h0 and c0."""
    d_gates, d_h0, d_c0 = torch.empty_like(gates), torch.empty_like(d_h), torch.empty_like(d_c)
    _backward_all[(triton.cdiv(layout.batch, _ROWS),)](
        *(d_output, d_h, d_c, gates, carried, c0, w_hh, d_gates, d_h0, d_c0),
        *(layout.starts, layout.lengths, layout.steps, layout.batch, c0.size(1)),
        *layout.strides(d_output),
        **compiled_for(layout, gates, beta, reverse),
        **_loop_tile(c0),
    )
    return d_gates, d_h0, d_c0


def _loop_tile(c0: Tensor) -> dict[str, Any]:
    across = max(16, triton.next_power_of_2(c0.size(1)))
    # The interpreter would multiply the bits of a bfloat16, not its value.
    factor = accumulator(c0.dtype)[0] if INTERPRETED else c0.dtype
    return {
        "FACTOR": getattr(tl, str(factor).removeprefix("torch.")),
        "BLOCK_B": _ROWS,
        "BLOCK_H": across,
        "num_warps": 4 if across < 128 else 8,
    }


@triton.jit(do_not_specialize=["T", "B"])
def _forward_all(
    gates,
    h0,
    c0,
    w_hh,
    states,
    h_n,
    c_n,
    starts,
    lengths,
    T,
    B,
    H,
    BETA: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    FACTOR: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.arange(0, BLOCK_H)[None, :]
    k = tl.arange(0, BLOCK_H)[:, None]
    there = (b < B) & (j < H)
    kind = gates.dtype.element_ty
    # Of each gate, transposed: from unit k to unit j.
    square = (j < H) & (k < H)
    of_c = tl.load(w_hh + j * H + k, mask=square, other=0.0).to(FACTOR)
    of_f = tl.load(w_hh + (H + j) * H + k, mask=square, other=0.0).to(FACTOR)
    unit = tl.cast(b, tl.int64) * H + j
    tile = gates + tl.cast(b, tl.int64) * 2 * H + j
    length = tl.load(lengths + b, mask=b < B, other=0) if RAGGED else T
    steps = steps_of_tile(lengths, tl.program_id(0) * BLOCK_B, T, PACKED)
    limit = steps + tl.zeros((BLOCK_B, 1), tl.int32)
    step = tl.cast(B, tl.int64) * H
    h = tl.load(h0 + unit, mask=there, other=0.0)
    c = tl.load(c0 + unit, mask=there, other=0.0).to(WIDE)

    t = time_of(0, steps, REVERSE)
    running = is_running(t, there, length, RAGGED)
    place = step_offset(starts, t, step, H, steps > 0, PACKED)
    next_g = tl.load(tile + 2 * place, mask=running, other=0.0)
    next_s = tl.load(tile + 2 * place + H, mask=running, other=0.0)
    for i in range(steps):
        now_g, now_s, now, here = next_g, next_s, running, place
        # The next step's input is on its way while this one is multiplied.
        t = time_of(i + 1, steps, REVERSE)
        running = is_running(t, there & (i + 1 < limit), length, RAGGED)
        place = step_offset(starts, t, step, H, i + 1 < steps, PACKED)
        next_g = tl.load(tile + 2 * place, mask=running, other=0.0)
        next_s = tl.load(tile + 2 * place + H, mask=running, other=0.0)

        g = tanh(
            now_g.to(WIDE) + tl.dot(h.to(FACTOR), of_c, input_precision="tf32", out_dtype=WIDE)
        )
        s = now_s.to(WIDE) + tl.dot(h.to(FACTOR), of_f, input_precision="tf32", out_dtype=WIDE)
        new = new_state(g, s, c, BETA)
        c = tl.where(now, new, c)
        h = tl.where(now, new.to(kind), h)
        tl.store(tile + 2 * here, g, mask=now)
        tl.store(tile + 2 * here + H, s, mask=now)
        written = now if PACKED else there
        tl.store(states + unit + here, tl.where(now, new, 0.0), mask=written)
    tl.store(h_n + unit, c, mask=there)
    tl.store(c_n + unit, c, mask=there)


@triton.jit(do_not_specialize=["T", "B"])
def _backward_all(
    d_output,
    d_h,
    d_c,
    gates,
    states,
    c0,
    w_hh,
    d_gates,
    d_h0,
    d_c0,
    starts,
    lengths,
    T,
    B,
    H,
    d_step,
    d_row,
    d_unit,
    BETA: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    FACTOR: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.arange(0, BLOCK_H)[None, :]
    k = tl.arange(0, BLOCK_H)[:, None]
    there = (b < B) & (j < H)
    kind = gates.dtype.element_ty
    square = (j < H) & (k < H)
    of_c = tl.load(w_hh + k * H + j, mask=square, other=0.0).to(FACTOR)
    of_f = tl.load(w_hh + (H + k) * H + j, mask=square, other=0.0).to(FACTOR)
    unit = tl.cast(b, tl.int64) * H + j
    of_gates = tl.cast(b, tl.int64) * 2 * H + j
    grads = d_output + tl.cast(b, tl.int64) * d_row + tl.cast(j, tl.int64) * d_unit
    length = tl.load(lengths + b, mask=b < B, other=0) if RAGGED else T
    steps = steps_of_tile(lengths, tl.program_id(0) * BLOCK_B, T, PACKED)
    limit = steps + tl.zeros((BLOCK_B, 1), tl.int32)
    step = tl.cast(B, tl.int64) * H
    BACK: tl.constexpr = not REVERSE  # the steps are visited in the other order
    start = tl.load(c0 + unit, mask=there, other=0.0).to(WIDE)
    through_h = tl.load(d_h + unit, mask=there, other=0.0).to(WIDE)
    through_c = tl.load(d_c + unit, mask=there, other=0.0).to(WIDE)

    t = time_of(0, steps, BACK)
    place = step_offset(starts, t, step, H, steps > 0, PACKED)
    to_grads = step_offset(starts, t, d_step, d_row, steps > 0, PACKED)
    for i in range(steps):
        now = is_running(t, there & (i < limit), length, RAGGED)
        g = tl.load(gates + of_gates + 2 * place, mask=now, other=0.0).to(WIDE)
        s = tl.load(gates + of_gates + 2 * place + H, mask=now, other=0.0).to(WIDE)
        d = tl.load(grads + to_grads, mask=now, other=0.0).to(WIDE)
        here = place
        # The state before this step is the one of the step that is visited next.
        t = time_of(i + 1, steps, BACK)
        has_before = is_running(t, there & (i + 1 < limit), length, RAGGED)
        place = step_offset(starts, t, step, H, i + 1 < steps, PACKED)
        to_grads = step_offset(starts, t, d_step, d_row, i + 1 < steps, PACKED)
        before = tl.load(states + unit + place, mask=has_before, other=0.0).to(WIDE)
        before = tl.where(has_before, before, start)

        of_g, of_s, keep = slopes(g, s, before, BETA)
        d = d + through_h + through_c
        d_g = tl.where(now, d * of_g, 0.0)
        d_s = tl.where(now, d * of_s, 0.0)
        written = now if PACKED else there
        tl.store(d_gates + of_gates + 2 * here, d_g, mask=written)
        tl.store(d_gates + of_gates + 2 * here + H, d_s, mask=written)
        product = tl.dot(d_g.to(kind).to(FACTOR), of_c, input_precision="tf32", out_dtype=WIDE)
        product += tl.dot(d_s.to(kind).to(FACTOR), of_f, input_precision="tf32", out_dtype=WIDE)
        through_h = tl.where(now, product, through_h)
        through_c = tl.where(now, d * keep, through_c)
    tl.store(d_h0 + unit, through_h, mask=there)
    tl.store(d_c0 + unit, through_c, mask=there)
