"""JANET's loops in C; everything around them is `manual.py`'s."""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops.janet import manual
from rnnswap.ops.janet.manual import Loops, Steps, janet_scan_with

#: The kernel works with exp(s) and exp(-beta), each within float32's range.
_LARGEST_BETA = 40.0


def janet_scan_cpu(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results."""
    return janet_scan_with(Loops(forward_steps, backward_steps), *args)


def reasons_against_cpu(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
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
    reasons = _native.reasons_against_native(x, h0, c0, w_ih, w_hh, b_ih, b_hh)
    reasons += _reasons_against_loops(w_hr, beta)
    return reasons + reasons_against_custom_autograd()


class _Arguments(ctypes.Structure):
    """struct janet of native.c."""

    _fields_ = (
        ("T", ctypes.c_int64),
        ("B", ctypes.c_int64),
        ("H", ctypes.c_int64),
        ("reverse", ctypes.c_int),
        ("shift", ctypes.c_double),
        ("lengths", ctypes.c_void_p),
        ("w_hh", ctypes.c_void_p),
        ("panels", ctypes.c_void_p),
        ("gates", ctypes.c_void_p),
        ("states", ctypes.c_void_p),
        ("h0", ctypes.c_void_p),
        ("c0", ctypes.c_void_p),
        ("d_out", ctypes.c_void_p),
        ("d_h", ctypes.c_void_p),
        ("d_c", ctypes.c_void_p),
        ("d_gates", ctypes.c_void_p),
    )


def _reasons_against_loops(w_hr: Tensor | None, beta: float) -> list[str]:
    reasons = []
    if w_hr is not None:
        reasons.append("the C loops of janet have no projection")
    if abs(beta) > _LARGEST_BETA:
        reasons.append(f"exp(-beta) of beta = {beta} leaves the range of float32")
    return reasons


def best_loops(*tensors: Tensor | None, w_hr: Tensor | None, beta: float) -> Loops:
    """Return the loops that run on these tensors: those in C, or manual.py's."""
    if not (_reasons_against_loops(w_hr, beta) or _native.reasons_against_native(*tensors)):
        return Loops(forward_steps, backward_steps)
    return Loops(manual.forward_steps, manual.backward_steps)


def forward_steps(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> Steps:
    """As manual.py's, but `gates` becomes what the C backward reads, and the output is all."""
    gates, h0, c0, w_hh = (t.contiguous() for t in (gates, h0, c0, w_hh))
    states = gates.new_empty((*gates.shape[:2], c0.size(-1)))
    _call("forward", gates, states, h0, c0, w_hh, lengths, beta, reverse)
    if reverse or lengths is None:
        last = states[0 if reverse else -1]
        return Steps(states, last.clone(), last.clone(), gates, states, states)
    last = states[lengths - 1, torch.arange(len(lengths))]
    return Steps(states, last, last.clone(), gates, states, states)


def backward_steps(
    grads: tuple[Tensor, ...],
    gates: Tensor,
    states: Tensor,
    _hidden: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
    """As manual.py's."""
    d_output = grads[0].contiguous()
    # Copies: these are overwritten by the gradients of h0 and c0.
    d_h, d_c = (g.clone(memory_format=torch.contiguous_format) for g in grads[1:])
    d_gates = torch.empty_like(gates)
    h0, c0, w_hh = (t.contiguous() for t in (h0, c0, w_hh))
    grads = (d_output, d_h, d_c, d_gates)
    _call("backward", gates, states, h0, c0, w_hh, lengths, beta, reverse, grads)
    return d_gates, d_h, d_c, _weight_gradient(d_gates, states, h0, lengths, reverse), None


def _weight_gradient(
    d_gates: Tensor, states: Tensor, h0: Tensor, lengths: Tensor | None, reverse: bool
) -> Tensor:
    """Return the sum over steps of d_gates^T h' (2H, H), without a shifted copy of the states."""
    if not reverse:
        later, earlier, first = d_gates[1:], states[:-1], d_gates[0]
    else:
        # Past a row's length the states are zero, so the step that read h0 adds nothing here.
        later, earlier, first = d_gates[:-1], states[1:], d_gates[-1]
        if lengths is not None:
            first = d_gates[lengths - 1, torch.arange(len(lengths))]
    return torch.addmm(first.t() @ h0, later.flatten(0, 1).t(), earlier.flatten(0, 1))


def _call(
    name: str,
    gates: Tensor,
    states: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
    grads: tuple[Tensor, ...] = (),
) -> None:
    steps, batch, hidden = states.shape
    panels = gates.new_empty(_functions()["panels"](hidden))
    lengths = None if lengths is None else lengths.to("cpu", torch.int64).contiguous()
    tensors = (lengths, w_hh, panels, gates, states, h0, c0, *grads)
    arguments = _Arguments(
        steps,
        batch,
        hidden,
        reverse,
        math.exp(-beta),
        *(None if t is None else t.data_ptr() for t in tensors),
    )
    threads = max(1, min(torch.get_num_threads(), batch))
    call = _functions()[name]
    call(ctypes.byref(arguments), _native.is_double(gates), _native.level(), threads)


@functools.cache
def _functions() -> dict[str, Any]:
    loop = (ctypes.POINTER(_Arguments), ctypes.c_int, ctypes.c_int, ctypes.c_int)
    return {
        "forward": _native.function("rnnswap_janet_forward", *loop),
        "backward": _native.function("rnnswap_janet_backward", *loop),
        "panels": _native.function("rnnswap_janet_panels", ctypes.c_int64, result=ctypes.c_int64),
    }
