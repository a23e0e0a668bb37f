"""What generic tests run over: every registered cell, and the recurrences with their inputs."""

import torch

from rnnswap.discovery import get_cell, installed, list_cells
from rnnswap.ops.indrnn import indrnn_scan
from rnnswap.ops.janet import janet_scan

#: Every registered cell, so that a new one is tested the day it is registered.
CELLS = list_cells()
#: Those that are not torch's own.
OWN_CELLS = [
    name for name in CELLS if not installed().cells.get(name).spec.target.startswith("torch")
]


def make(name, *args, **kwargs):
    """A cell in eval mode: dropout and batch norm stay out of comparisons."""
    return get_cell(name)(*args, **kwargs).eval()


def _leaf(*shape, dtype, spread=1.0):
    return (torch.randn(*shape, dtype=torch.float64) * spread).to(dtype).requires_grad_()


def janet_arguments(
    T, B, I, H, *, P=0, bias=True, lengths=None, reverse=False, dtype=torch.float64
):
    R = P or H
    return (
        _leaf(T, B, I, dtype=dtype),
        _leaf(B, R, dtype=dtype),
        _leaf(B, H, dtype=dtype),
        _leaf(2 * H, I, dtype=dtype, spread=I**-0.5),
        _leaf(2 * H, R, dtype=dtype, spread=R**-0.5),
        _leaf(2 * H, dtype=dtype) if bias else None,
        _leaf(2 * H, dtype=dtype) if bias else None,
        _leaf(P, H, dtype=dtype, spread=H**-0.5) if P else None,
        lengths,
        1.0,
        reverse,
    )


def indrnn_arguments(
    T,
    B,
    I,
    H,
    *,
    bias=True,
    lengths=None,
    nonlinearity="relu",
    reverse=False,
    dtype=torch.float64,
):
    return (
        _leaf(T, B, I, dtype=dtype),
        _leaf(B, H, dtype=dtype),
        _leaf(H, I, dtype=dtype, spread=I**-0.5),
        _leaf(H, 1, dtype=dtype, spread=0.5),
        _leaf(H, dtype=dtype) if bias else None,
        _leaf(H, dtype=dtype) if bias else None,
        lengths,
        nonlinearity,
        reverse,
    )


#: name -> (operation, function that makes its arguments, settings)
SCANS = {
    "janet": (janet_scan, janet_arguments, {}),
    "janet-nobias": (janet_scan, janet_arguments, {"bias": False}),
    "janet-proj": (janet_scan, janet_arguments, {"P": 2}),
    "indrnn-relu": (indrnn_scan, indrnn_arguments, {"nonlinearity": "relu"}),
    "indrnn-tanh": (indrnn_scan, indrnn_arguments, {"nonlinearity": "tanh"}),
    "indrnn-nobias": (indrnn_scan, indrnn_arguments, {"bias": False}),
}
