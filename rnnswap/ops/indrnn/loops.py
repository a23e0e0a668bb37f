"""Which loops of IndRNN run on given tensors: in C, in Triton or in PyTorch."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._device import kernels, reasons_against_triton
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops.indrnn import cpu, manual
from rnnswap.ops.indrnn.manual import Loops, indrnn_scan_with


def best_loops(first: Tensor, *others: Tensor | None) -> Loops:
    """Return the fastest loops over projected input that run on these tensors."""
    if not _native.reasons_against_native(first, *others):
        return Loops(cpu.forward_loop, cpu.backward_loop)
    if not reasons_against_triton(first, *others):
        return _triton_loops()
    return Loops(manual.forward_steps, manual.backward_steps)


def indrnn_scan_gpu(x: Tensor, h0: Tensor | None, *others: Any) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results, by Triton's kernels."""
    lengths = others[-3]
    if h0 is None and x.dim() == 2:
        h0 = x.new_zeros((len(lengths), others[1].size(0)))
    return indrnn_scan_with(_triton_loops(), x, h0, *others)


def reasons_against_gpu(
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
    """Return why Triton's kernels cannot run with these arguments."""
    reasons = reasons_against_custom_autograd()
    return reasons or reasons_against_triton(x, h0, w_ih, u, b_ih, b_hh)


def _triton_loops() -> Loops:
    found = kernels("indrnn")
    return Loops(found.forward_steps, found.backward_steps)
