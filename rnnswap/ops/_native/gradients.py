"""Gradients of weights and input over all steps, in C; shared by the recurrences."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native


class _Arguments(ctypes.Structure):
    """struct gradients of gradients.c."""

    _fields_ = _native.fields(
        (ctypes.c_int64, "T B G I R x_step x_row"),
        (ctypes.c_int, "reverse"),
        (ctypes.c_void_p, "lengths d x h h0 w_ih room dw_ih dw_hh d_b d_x"),
    )


def weight_gradients(
    d: Tensor,
    x: Tensor | None,
    h: Tensor | None,
    h0: Tensor | None,
    lengths: Tensor | None,
    reverse: bool,
    bias: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of w_ih, w_hh and the bias: sums over all steps, or None.

    Args:
        d: (T, B, G), contiguous: the gradient of the gates.
        x: (T, B, I), or None if w_ih's is not asked for.
        h: (T, B, R), contiguous: h after each step; or None if w_hh's is not asked for.
        h0: (B, R), contiguous, or None like h.
        lengths: As `_native.lengths_for` returns them.
        reverse: Whether the steps were visited from the last to the first.
        bias: Whether the bias's is asked for.
    """
    steps, batch, rows = d.shape
    dw_ih = dw_hh = None
    x_step = x_row = columns = width = 0
    if x is not None:
        x, x_step, x_row = _native.rows(x)
        columns = x.size(-1)
        dw_ih = d.new_empty((rows, columns))
    if h is not None:
        width = h.size(-1)
        dw_hh = d.new_empty((rows, width))
    d_b = d.new_empty(rows) if bias else None
    if dw_ih is None and dw_hh is None and d_b is None:
        return None, None, None
    sizes = (steps, batch, rows, columns, width, x_step, x_row, reverse)
    pointers = _native.pointers(lengths, d, x, h, h0)
    outputs = _native.pointers(dw_ih, dw_hh, d_b)
    arguments = _Arguments(*sizes, *pointers, None, None, *outputs)
    _call("weight_gradients", arguments, d)
    return dw_ih, dw_hh, d_b


def input_gradient(d: Tensor, w_ih: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the gradient (T, B, I) of the input.

    Args:
        d: (T, B, G), contiguous: the gradient of the gates.
        w_ih: (G, I).
        lengths: As `_native.lengths_for` returns them.
    """
    steps, batch, rows = d.shape
    w_ih = w_ih.contiguous()
    d_x = d.new_empty((steps, batch, w_ih.size(1)))
    sizes = (steps, batch, rows, w_ih.size(1), 0, 0, 0, False)
    tensors = (lengths, d, None, None, None, w_ih, None, None, None, None, d_x)
    _call("input_gradient", _Arguments(*sizes, *_native.pointers(*tensors)), d)
    return d_x


def _call(name: str, arguments: _Arguments, d: Tensor) -> None:
    function, room_size = _functions()[name]
    reference = ctypes.byref(arguments)
    threads = torch.get_num_threads()
    room = d.new_empty(room_size(reference, threads))
    arguments.room = room.data_ptr()
    function(reference, _native.is_double(d), _native.level(), threads)


@functools.cache
def _functions() -> dict[str, tuple[Any, Any]]:
    pointer = ctypes.POINTER(_Arguments)
    return {
        name: (
            _native.function(f"rnnswap_{name}", pointer, *(ctypes.c_int,) * 3),
            _native.function(f"rnnswap_{name}_room", pointer, ctypes.c_int, result=ctypes.c_int64),
        )
        for name in ("weight_gradients", "input_gradient")
    }
