"""Which loops of JANET run on given tensors: in C, in Triton or in PyTorch."""

from __future__ import annotations

from torch import Tensor

from rnnswap.ops import _native
from rnnswap.ops._device import kernels, reasons_against_triton
from rnnswap.ops._dispatch import reasons_against_custom_autograd
from rnnswap.ops.janet import cpu, manual
from rnnswap.ops.janet.manual import Loops, janet_scan_with


def best_loops(first: Tensor, *others: Tensor | None, w_hr: Tensor | None, beta: float) -> Loops:
    """Return the fastest loops over projected input that run on these tensors."""
    of_beta = cpu.reasons_against_beta(beta)
    if not (of_beta or _native.reasons_against_native(first, *others, w_hr)):
        return Loops(cpu.forward_loop, cpu.backward_loop)
    if not reasons_against_triton(first, *others, w_hr):
        return _triton_loops()
    return Loops(manual.forward_steps, manual.backward_steps)


def janet_scan_gpu(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    w_ih: Tensor | None,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """As `janet_scan_naive`, arguments and results, by Triton's kernels."""
    if x.dim() == 2 and lengths is not None:
        batch, rows = len(lengths), w_hh.size(0) // 2
        h0 = x.new_zeros((batch, w_hh.size(1))) if h0 is None else h0
        c0 = x.new_zeros((batch, rows)) if c0 is None else c0
    others = (b_ih, b_hh, w_hr, lengths, beta, reverse)
    return janet_scan_with(_triton_loops(), x, h0, c0, w_ih, w_hh, *others)


def reasons_against_gpu(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    w_ih: Tensor | None,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> list[str]:
    """Return why Triton's kernels cannot run with these arguments."""
    reasons = reasons_against_custom_autograd()
    return reasons or reasons_against_triton(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)


def _triton_loops() -> Loops:
    found = kernels("janet")
    return Loops(found.forward_steps, found.backward_steps)
