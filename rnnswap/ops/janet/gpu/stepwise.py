"""JANET step by step: a product of torch's and an element-wise kernel each, for any size."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from rnnswap.ops._scan import step_order
from rnnswap.ops.gpu import Layout, accumulator, tanh
from rnnswap.ops.janet.gpu.cell import compiled_for, new_state, slopes
from rnnswap.ops.janet.manual import Steps

#: Rows and units of a tile of the element-wise kernel.
_STEP_TILE = {"BLOCK_B": 4, "BLOCK_H": 128, "num_warps": 4}


def forward_by_steps(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    states: Tensor,
    layout: Layout,
    beta: float,
    reverse: bool,
) -> Steps:
    """Run the loop on contiguous tensors; `gates` becomes what `Steps` says.

    Args:
        gates: and what follows: as manual.py's `forward_steps` is given.
        states: (..., H), to be written.
        layout: Of the rows.
        beta: Shift of the input gate.
        reverse: From the last step to the first.
    """
    h, c = h0.clone(), c0.to(accumulator(c0.dtype)[0], copy=True)
    output = states if w_hr is None else states.new_empty((*states.shape[:-1], w_hr.size(0)))
    padded = layout.lengths if layout.sizes is None else None  # rows may rest at a step
    starts, sizes = _places(layout)
    grid, common = _step_grid(layout, c0), compiled_for(layout, gates, beta, reverse) | _STEP_TILE
    u, flat, flat_states, flat_output = w_hh.t(), _rows(gates), _rows(states), _rows(output)
    for t in step_order(layout.steps, reverse):
        first, size = starts[t], sizes[t]
        flat[first : first + size].addmm_(h[:size], u)
        _forward_one[grid](
            *(gates, h, c, states, layout.lengths, t, first, size, c0.size(1)),
            WRITES_H=w_hr is None,
            **common,
        )
        if w_hr is not None:
            new_h = flat_output[first : first + size]
            torch.mm(flat_states[first : first + size], w_hr.t(), out=new_h)
            rests = None if padded is None else (padded <= t).unsqueeze(1)
            h[:size] = new_h if rests is None else torch.where(rests, h, new_h)
    return Steps(output, h, c.to(c0.dtype), gates, states, output)


def backward_by_steps(
    d_output: Tensor,
    d_h: Tensor,
    d_c: Tensor,
    gates: Tensor,
    carried: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    layout: Layout,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return the gradients of the projected input, h0, c0 and, with a projection, of all h."""
    d_h, d_c = d_h.clone(), d_c.to(accumulator(d_c.dtype)[0], copy=True)
    d_gates = torch.empty_like(gates)
    padded = layout.lengths if layout.sizes is None else None
    starts, sizes = _places(layout)
    grid, common = _step_grid(layout, c0), compiled_for(layout, gates, beta, reverse) | _STEP_TILE
    flat = _rows(d_gates)
    d_hidden = None if w_hr is None else c0.new_empty(d_output.shape)
    for t in step_order(layout.steps, not reverse):
        first, size = starts[t], sizes[t]
        rests = None if padded is None else (padded <= t).unsqueeze(1)
        d_now = d_output[first : first + size] if d_output.dim() == 2 else d_output[t]
        through = d_h
        if d_hidden is not None and w_hr is not None:
            total = _rows(d_hidden)[first : first + size]
            torch.add(d_now, d_h[:size], out=total)
            if rests is not None:
                total.masked_fill_(rests, 0.0)
            through = total @ w_hr
        # With a projection the output's gradient is in `through` already.
        before = starts[min(t + 1, layout.steps - 1) if reverse else max(t - 1, 0)]
        _backward_one[grid](
            *(d_now, through, d_c, gates, carried, c0, d_gates, layout.lengths),
            *(t, layout.steps, first, before, size, c0.size(1), *d_now.stride()),
            ADDS_OUTPUT=w_hr is None,
            **common,
        )
        product = flat[first : first + size] @ w_hh
        d_h[:size] = product if rests is None else torch.where(rests, d_h, product)
    return d_gates, d_h, d_c.to(c0.dtype), d_hidden


def _places(layout: Layout) -> tuple[list[int], list[int]]:
    """Return the first row and the number of rows of each step."""
    if layout.sizes is None:
        return [t * layout.batch for t in range(layout.steps)], [layout.batch] * layout.steps
    first, starts = 0, []
    for size in layout.sizes:
        starts.append(first)
        first += size
    return starts, layout.sizes


def _step_grid(layout: Layout, c0: Tensor) -> tuple[int, int]:
    tile = _STEP_TILE
    return triton.cdiv(layout.batch, tile["BLOCK_B"]), triton.cdiv(c0.size(1), tile["BLOCK_H"])


def _rows(tensor: Tensor) -> Tensor:
    return tensor.flatten(0, -2)


@triton.jit(do_not_specialize=["t", "first", "size"])
def _forward_one(
    gates,
    h,
    c,
    states,
    lengths,
    t,
    first,
    size,
    H,
    WRITES_H: tl.constexpr,
    BETA: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)[None, :]
    there = (b < size) & (j < H)
    running = there
    if RAGGED:
        running = there & (t < tl.load(lengths + b, mask=b < size, other=0))
    row = tl.cast(first, tl.int64) + b
    unit = b * H + j
    of_g = gates + row * 2 * H + j
    g = tanh(tl.load(of_g, mask=running, other=0.0).to(WIDE))
    s = tl.load(of_g + H, mask=running, other=0.0).to(WIDE)
    new = new_state(g, s, tl.load(c + unit, mask=running, other=0.0), BETA)
    tl.store(of_g, g, mask=running)
    tl.store(c + unit, new, mask=running)
    if WRITES_H:
        tl.store(h + unit, new, mask=running)
    tl.store(states + row * H + j, tl.where(running, new, 0.0), mask=there)


@triton.jit(do_not_specialize=["t", "T", "first", "before", "size"])
def _backward_one(
    d_output,
    d_h,
    d_c,
    gates,
    states,
    c0,
    d_gates,
    lengths,
    t,
    T,
    first,
    before,
    size,
    H,
    d_row,
    d_unit,
    ADDS_OUTPUT: tl.constexpr,
    BETA: tl.constexpr,
    REVERSE: tl.constexpr,
    RAGGED: tl.constexpr,
    PACKED: tl.constexpr,
    WIDE: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_H: tl.constexpr,
):
    b = tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)[:, None]
    j = tl.program_id(1) * BLOCK_H + tl.arange(0, BLOCK_H)[None, :]
    there = (b < size) & (j < H)
    length = tl.load(lengths + b, mask=b < size, other=0) if RAGGED else T + tl.zeros_like(b)
    running = there & (t < length)
    row = tl.cast(first, tl.int64) + b
    unit = b * H + j
    begins = (length == t + 1) if REVERSE else (t + tl.zeros_like(b) == 0)
    later = there & (begins == 0) & (t + 1 < length) if REVERSE else there & (begins == 0)
    c_before = tl.load(states + (tl.cast(before, tl.int64) + b) * H + j, mask=later, other=0.0)
    start = tl.load(c0 + unit, mask=there, other=0.0)
    c_before = tl.where(begins, start, c_before).to(WIDE)
    of_gates = row * 2 * H + j
    g = tl.load(gates + of_gates, mask=running, other=0.0).to(WIDE)
    s = tl.load(gates + of_gates + H, mask=running, other=0.0).to(WIDE)
    of_g, of_s, keep = slopes(g, s, c_before, BETA)
    after = tl.load(d_c + unit, mask=there, other=0.0)
    d = after + tl.load(d_h + unit, mask=running, other=0.0).to(WIDE)
    if ADDS_OUTPUT:
        d += tl.load(
            d_output + tl.cast(b, tl.int64) * d_row + j * d_unit, mask=running, other=0.0
        ).to(WIDE)
    tl.store(d_gates + of_gates, tl.where(running, d * of_g, 0.0), mask=there)
    tl.store(d_gates + of_gates + H, tl.where(running, d * of_s, 0.0), mask=there)
    tl.store(d_c + unit, tl.where(running, d * keep, after), mask=there)
