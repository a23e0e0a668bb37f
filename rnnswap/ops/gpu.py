"""What the Triton kernels of the recurrences share. Imports triton; imported when one runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

#: Whether triton was first imported with TRITON_INTERPRET=1: kernels then run on the CPU.
INTERPRETED = bool(triton.knobs.runtime.interpret)
#: Launch options of every kernel. A product and the sum it goes into are rounded once.
OPTIONS = {"enable_fp_fusion": True}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of a step lie.

    Args:
        steps: T.
        batch: B.
        starts: (T,) int64 on the device: packed input's first row of each step; None for padded
            input (T, B, ...), where that is t * B.
        sizes: The number of rows of each step, on the host; None for padded input.
        lengths: (B,) int64 on the device, in packed input the longest first; None if all are T.
    """

    steps: int
    batch: int
    starts: Tensor | None
    sizes: list[int] | None
    lengths: Tensor | None

    @classmethod
    def of(cls, rows: Tensor, lengths: Tensor | None) -> Layout:
        """Return the layout of padded (T, B, features) or packed (N, features) rows."""
        if lengths is None:
            return cls(rows.size(0), rows.size(1), None, None, None)
        if rows.dim() == 3:
            there = lengths.to(rows.device, torch.int64).contiguous()
            return cls(rows.size(0), rows.size(1), None, None, there)
        steps, batch = int(lengths[0]), len(lengths)
        ended = torch.bincount(lengths.cpu(), minlength=steps + 1).cumsum(0)[:-1]
        sizes = batch - ended
        # One transfer, which the host does not wait for.
        both = torch.cat((sizes.cumsum(0) - sizes, lengths.cpu()))
        both = both.to(rows.device, non_blocking=True)
        return cls(steps, batch, both[:steps], sizes.tolist(), both[steps:])

    @property
    def flags(self) -> dict[str, bool]:
        """What a kernel is compiled for."""
        return {"RAGGED": self.lengths is not None, "PACKED": self.starts is not None}

    def strides(self, rows: Tensor) -> tuple[int, int, int]:
        """Return the strides of a tensor's steps (unless packed), rows and features."""
        return (0, *rows.stride()) if rows.dim() == 2 else rows.stride()  # type: ignore[return-value]

    def predecessors(self, device: torch.device, reverse: bool) -> Tensor:
        """Return for every row the number of the one before it in time.

        A sequence's first has a number past the last row, plus its place in the batch. What a row
        past its sequence's length has does not matter.
        """
        t = torch.arange(self.steps, device=device).unsqueeze(1)
        b = torch.arange(self.batch, device=device)
        first = t * self.batch if self.starts is None else self.starts.unsqueeze(1)
        rows = first + b  # (T, B)
        lengths = self.steps if self.lengths is None else self.lengths
        count = self.steps * self.batch if self.sizes is None else sum(self.sizes)
        before = rows.roll(-1 if reverse else 1, 0)
        begins = (t == lengths - 1) if reverse else (t == 0).expand_as(rows)
        before = torch.where(begins, count + b, before)
        return before.flatten() if self.sizes is None else before[t < lengths]


@contextlib.contextmanager
def device_of(tensor: Tensor) -> Iterator[None]:
    """Launch on the tensor's device, which need not be the current one."""
    if tensor.is_cuda:
        with torch.cuda.device(tensor.device):
            yield
    else:
        yield


def accumulator(dtype: torch.dtype) -> tuple[torch.dtype, Any]:
    """Return the type that kernels calculate in, as torch and as triton name it."""
    wide = dtype == torch.float64
    return (torch.float64, tl.float64) if wide else (torch.float32, tl.float32)


@triton.jit
def _fill(target):
    tl.store(target, 1.0)


def try_out(device: torch.device) -> None:
    """Run a kernel that does next to nothing; raises whatever stands in the way."""
    target = torch.zeros(1, dtype=torch.float32, device=device)
    with device_of(target):
        _fill[(1,)](target, **OPTIONS)


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)), whose exp may be infinite."""
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def tanh(x):
    """By exp, and near 0, where that cancels, by the first five terms of the series."""
    size = tl.abs(x)
    e = tl.exp(-2.0 * size)
    far = (1.0 - e) / (1.0 + e)
    far = tl.where(x < 0, -far, far)
    q = x * x
    series = -17 / 315 + q * (62 / 2835)
    near = x + x * q * (-1 / 3 + q * (2 / 15 + q * series))
    # The first term left out is 0.009 x ** 10 of the value.
    return tl.where(size < (0.02 if x.dtype == tl.float64 else 0.25), near, far)


@triton.jit
def relu(x):
    """NaN stays NaN."""
    return tl.where(x <= 0, 0.0, x)


@triton.jit
def time_of(i, steps, REVERSE: tl.constexpr):
    """The time index of the i-th step that is visited."""
    return steps - 1 - i if REVERSE else i


@triton.jit
def steps_of_tile(lengths, first, T, PACKED: tl.constexpr):
    """How many steps the rows from `first` on have; packed, the first is the longest."""
    return tl.load(lengths + first).to(tl.int32) if PACKED else T


@triton.jit
def step_offset(starts, t, step, row, inside, PACKED: tl.constexpr):
    """How far from its beginning a tensor's step t begins, given its strides."""
    if PACKED:
        return tl.load(starts + t, mask=inside, other=0) * row
    return tl.cast(t, tl.int64) * step


@triton.jit
def is_running(t, inside, length, RAGGED: tl.constexpr):
    """Whether rows have a step t, `inside` telling whether there is one at all."""
    return inside & (t < length) if RAGGED else inside
