"""IndRNN's loops in Triton: one program a tile of independent units, with all its steps inside.

Memory traffic is the limit, so that each element is read and written once. A program has two groups
of steps under way: while it calculates one, the next is on its way from memory.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnswap.ops.gpu import (
    OPTIONS,
    Layout,
    accumulator,
    device_of,
    is_running,
    relu,
    step_offset,
    steps_of_tile,
    tanh,
    time_of,
)
from rnnswap.ops.indrnn.manual import Steps

#: Steps whose loads are issued together.
_GROUP = 8
#: Programs, each of a warp, from which on a thread takes several units: enough to have as many
#: loads under way as memory needs.
_PROGRAMS = 512
_WARP = 32


def forward_steps(
    projected: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> Steps:
    """As manual.py's `forward_steps`; also on packed input (N, H), the longest sequence first.

    The states are zero past a row's length.
    """
    projected, h0, u = projected.contiguous(), h0.contiguous(), u.contiguous()
    layout = Layout.of(projected, lengths)
    h_n = torch.empty_like(h0)
    with device_of(projected):
        grid, tile = _tile(layout.batch, u.numel())
        _forward[grid](
            projected,
            h0,
            u,
            projected,
            h_n,
            layout.starts,
            layout.lengths,
            *(layout.steps, layout.batch, u.numel(), layout.batch * u.numel()),
            REVERSE=reverse,
            TANH=nonlinearity == "tanh",
            WIDE=accumulator(u.dtype)[1],
            **layout.flags,
            **tile,
        )
    return Steps(projected, h_n, projected)


def backward_steps(
    grads: tuple[Tensor, ...],
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """As manual.py's `backward_steps`."""
    d_output, d_h = grads
    states, h0, u, d_h = (t.contiguous() for t in (states, h0, u, d_h))
    layout = Layout.of(states, lengths)
    wide, wide_in_kernels = accumulator(u.dtype)
    d_pre, d_h0 = torch.empty_like(states), torch.empty_like(h0)
    with device_of(states):
        grid, tile = _tile(layout.batch, u.numel())
        d_u = u.new_empty((grid[0], u.numel()), dtype=wide)  # of each tile, summed in one order
        _backward[grid](
            d_output,
            d_h,
            states,
            h0,
            u,
            d_pre,
            d_h0,
            d_u,
            layout.starts,
            layout.lengths,
            *(layout.steps, layout.batch, u.numel(), layout.batch * u.numel()),
            *layout.strides(d_output),
            REVERSE=reverse,
            TANH=nonlinearity == "tanh",
            WIDE=wide_in_kernels,
            **layout.flags,
            **tile,
        )
    return d_pre, d_h0, d_u.sum(0).to(u.dtype)


def _tile(batch: int, hidden: int) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return the grid over batch and units, and what it takes a kernel to be compiled for it."""
    width = _WARP
    while width < 4 * _WARP and batch * hidden >= 2 * width * _PROGRAMS:
        width *= 2
    across = min(width, triton.next_power_of_2(hidden))
    rows = width // across
    grid = (triton.cdiv(batch, rows), triton.cdiv(hidden, across))
    sizes = {"GROUP": _GROUP, "BLOCK_B": rows, "BLOCK_H": across, "num_warps": 1}
    return grid, {**sizes, **OPTIONS}


@triton.jit
def _offsets(
    starts, i, steps, step, row, REVERSE: tl.constexpr, PACKED: tl.constexpr, GROUP: tl.constexpr
):
    """Where the group of steps that begins with the i-th begin."""
    found = ()
    for k in tl.static_range(GROUP):
        t = time_of(i + k, steps, REVERSE)
        found = found + (step_offset(starts, t, step, row, i + k < steps, PACKED),)
    return found


@triton.jit
def _values(
    tile,
    offsets,
    i,
    steps,
    limit,
    length,
    there,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    GROUP: tl.constexpr,
):
    """The values of a group of steps, 0 where a row has none."""
    found = ()
    for k in tl.static_range(GROUP):
        t = time_of(i + k, steps, REVERSE)
        running = is_running(t, there & (i + k < limit), length, RAGGED)
        found = found + (tl.load(tile + offsets[k], mask=running, other=0.0),)
    return found


@triton.jit(do_not_specialize=["T", "B"])
def _forward(
    projected,
    h0,
    u,
    states,
    h_n,
    starts,
    lengths,
    T,
    B,
    H,
    step,
    REVERSE: tl.constexpr,
    TANH: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)[None, :]
    there = (b < B) & (j < H)
    unit = b.to(tl.int64) * H + j
    length = tl.load(lengths + b, mask=b < B, other=0) if RAGGED else T
    steps = steps_of_tile(lengths, tl.program_id(0) * BLOCK_B, T, PACKED)
    limit = steps + tl.zeros((BLOCK_B, 1), tl.int32)
    h = tl.load(h0 + unit, mask=there, other=0.0).to(WIDE)
    factor = tl.load(u + j, mask=j < H, other=0.0).to(WIDE)

    offsets = _offsets(starts, 0, steps, step, H, REVERSE, PACKED, GROUP)
    ahead = _values(
        projected + unit, offsets, 0, steps, limit, length, there, REVERSE, RAGGED, GROUP
    )
    for i in range(0, steps, GROUP):
        now, places = ahead, offsets
        n = i + GROUP
        offsets = _offsets(starts, n, steps, step, H, REVERSE, PACKED, GROUP)
        ahead = _values(
            projected + unit, offsets, n, steps, limit, length, there, REVERSE, RAGGED, GROUP
        )
        for k in tl.static_range(GROUP):
            inside = there & (i + k < limit)
            running = is_running(time_of(i + k, steps, REVERSE), inside, length, RAGGED)
            new = now[k].to(WIDE) + factor * h
            new = tanh(new) if TANH else relu(new)
            h = tl.where(running, new, h)
            written = running if PACKED else inside
            tl.store(states + unit + places[k], tl.where(running, new, 0.0), mask=written)
    tl.store(h_n + unit, h, mask=there)


@triton.jit(do_not_specialize=["T", "B"])
def _backward(
    d_output,
    d_h,
    states,
    h0,
    u,
    d_pre,
    d_h0,
    d_u,
    starts,
    lengths,
    T,
    B,
    H,
    step,
    d_step,
    d_row,
    d_unit,
    REVERSE: tl.constexpr,
    TANH: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)[None, :]
    there = (b < B) & (j < H)
    unit = b.to(tl.int64) * H + j
    grads = d_output + b.to(tl.int64) * d_row + j.to(tl.int64) * d_unit
    length = tl.load(lengths + b, mask=b < B, other=0) if RAGGED else T
    steps = steps_of_tile(lengths, tl.program_id(0) * BLOCK_B, T, PACKED)
    limit = steps + tl.zeros((BLOCK_B, 1), tl.int32)
    BACK: tl.constexpr = not REVERSE  # the steps are visited in the other order
    first = tl.load(h0 + unit, mask=there, other=0.0).to(WIDE)
    factor = tl.load(u + j, mask=j < H, other=0.0).to(WIDE)
    after = tl.load(d_h + unit, mask=there, other=0.0).to(WIDE)
    total = tl.zeros((BLOCK_B, BLOCK_H), WIDE)

    t = time_of(0, steps, BACK)
    running = is_running(t, there, length, RAGGED)
    place = step_offset(starts, t, step, H, True, PACKED)
    state = tl.load(states + unit + place, mask=running, other=0.0).to(WIDE)
    to_grads = _offsets(starts, 0, steps, d_step, d_row, BACK, PACKED, GROUP)
    ahead = _values(grads, to_grads, 0, steps, limit, length, there, BACK, RAGGED, GROUP)
    # The state before each step is the one of the step that is visited next.
    offsets = _offsets(starts, 1, steps, step, H, BACK, PACKED, GROUP)
    ahead_before = _values(
        states + unit, offsets, 1, steps, limit, length, there, BACK, RAGGED, GROUP
    )
    for i in range(0, steps, GROUP):
        now, now_before, places = ahead, ahead_before, offsets
        n = i + GROUP
        to_grads = _offsets(starts, n, steps, d_step, d_row, BACK, PACKED, GROUP)
        ahead = _values(grads, to_grads, n, steps, limit, length, there, BACK, RAGGED, GROUP)
        offsets = _offsets(starts, n + 1, steps, step, H, BACK, PACKED, GROUP)
        ahead_before = _values(
            states + unit, offsets, n + 1, steps, limit, length, there, BACK, RAGGED, GROUP
        )
        for k in tl.static_range(GROUP):
            t = time_of(i + k, steps, BACK)
            inside = there & (i + k < limit)
            running = is_running(t, inside, length, RAGGED)
            t_before = time_of(i + k + 1, steps, BACK)
            has_before = is_running(t_before, there & (i + k + 1 < limit), length, RAGGED)
            before = tl.where(has_before, now_before[k].to(WIDE), first)
            d = now[k].to(WIDE) + after
            d = d * (1.0 - state * state) if TANH else tl.where(state <= 0, 0.0, d)
            d = tl.where(running, d, 0.0)
            total += tl.where(running, d * before, 0.0)
            after = tl.where(running, d * factor, after)
            state = before
            written = running if PACKED else inside
            tl.store(d_pre + unit + place, d, mask=written)
            place = places[k]
    tl.store(d_h0 + unit, after, mask=there)
    column = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)
    tl.store(d_u + tl.program_id(0) * H + column, tl.sum(total, 0), mask=column < H)
