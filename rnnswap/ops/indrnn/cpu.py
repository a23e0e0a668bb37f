"""IndRNN's loops in C; everything around them is `manual.py`'s."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops.indrnn import manual
from rnnswap.ops.indrnn.manual import Loops, Steps, indrnn_scan_with


def indrnn_scan_cpu(*args: Any) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results."""
    return indrnn_scan_with(Loops(forward_steps, backward_steps), *args)


def reasons_against_cpu(
    x: Tensor,
    h0: Tensor,
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


class _Arguments(ctypes.Structure):
    """struct indrnn of native.c."""

    _fields_ = (
        ("T", ctypes.c_int64),
        ("B", ctypes.c_int64),
        ("H", ctypes.c_int64),
        ("reverse", ctypes.c_int),
        ("is_tanh", ctypes.c_int),
        ("lengths", ctypes.c_void_p),
        ("u", ctypes.c_void_p),
        ("states", ctypes.c_void_p),
        ("h0", ctypes.c_void_p),
        ("d_out", ctypes.c_void_p),
        ("d_h", ctypes.c_void_p),
        ("d_pre", ctypes.c_void_p),
        ("d_u", ctypes.c_void_p),
    )


def best_loops(*tensors: Tensor | None) -> Loops:
    """Return the loops that run on these tensors: those in C, or manual.py's."""
    if not _native.reasons_against_native(*tensors):
        return Loops(forward_steps, backward_steps)
    return Loops(manual.forward_steps, manual.backward_steps)


def forward_steps(
    projected: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> Steps:
    """As manual.py's, but the states are zero past a row's length."""
    states = projected.contiguous()
    _call("forward", states, h0.contiguous(), u.contiguous(), lengths, nonlinearity, reverse)
    if reverse or lengths is None:
        return Steps(states, states[0 if reverse else -1].clone(), states)
    return Steps(states, states[lengths - 1, torch.arange(len(lengths))], states)


def backward_steps(
    grads: tuple[Tensor, ...],
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """As manual.py's."""
    d_output = grads[0].contiguous()
    d_h = grads[1].clone(memory_format=torch.contiguous_format)  # becomes the gradient of h0
    d_pre = torch.empty_like(states)
    d_u = states.new_empty((_threads(states), 3, states.size(-1)))
    more = (d_output, d_h, d_pre, d_u)
    h0, u = h0.contiguous(), u.contiguous()
    team = _call("backward", states, h0, u, lengths, nonlinearity, reverse, more)
    return d_pre, d_h, d_u[:team, 0].sum(0)


def _threads(states: Tensor) -> int:
    return max(1, min(torch.get_num_threads(), states.size(1)))


def _call(
    name: str,
    states: Tensor,
    h0: Tensor,
    u: Tensor,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
    more: tuple[Tensor, ...] = (),
) -> int:
    lengths = None if lengths is None else lengths.to("cpu", torch.int64).contiguous()
    tensors = (lengths, u, states, h0, *more)
    arguments = _Arguments(
        *states.shape,
        reverse,
        nonlinearity == "tanh",
        *(None if t is None else t.data_ptr() for t in tensors),
    )
    call = _functions()[name]
    kind = _native.is_double(states)
    return int(call(ctypes.byref(arguments), kind, _native.level(), _threads(states)))


@functools.cache
def _functions() -> dict[str, Any]:
    loop = (ctypes.POINTER(_Arguments), ctypes.c_int, ctypes.c_int, ctypes.c_int)
    return {
        name: _native.function(f"rnnswap_indrnn_{name}", *loop, result=ctypes.c_int)
        for name in ("forward", "backward")
    }
