"""JANET's loops for CUDA devices, with Triton's kernels; nothing here waits for the device.

Where the recurrent weights of a layer fit into a processor's own memory, one program runs all steps
of a tile of rows, with the weights at hand. Else a step is one product of torch's and one
element-wise kernel, which a CUDA graph can hold. Which is faster where was not measured.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.ops._scan import weight_gradient
from rnnswap.ops.gpu import Layout, device_of
from rnnswap.ops.janet.gpu.stepwise import backward_by_steps, forward_by_steps
from rnnswap.ops.janet.gpu.whole import backward_loop, forward_loop
from rnnswap.ops.janet.manual import Steps

#: Units up to which the loop runs in one kernel, by the bytes of a number: both gates' weights take
#: 64 KiB then, of the 99 KiB that the smallest of supported devices grants a program.
_LARGEST_LOOP = {2: 128, 4: 64}


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
    """As manual.py's `forward_steps`; also on packed input (N, 2H), the longest sequence first.

    `carried` and `hidden` are zero past a row's length.
    """
    gates, h0, c0, w_hh = (t.contiguous() for t in (gates, h0, c0, w_hh))
    layout = Layout.of(gates, lengths)
    states = gates.new_empty((*gates.shape[:-1], c0.size(-1)))
    with device_of(gates):
        if w_hr is None and _fits(w_hh):
            return forward_loop(gates, h0, c0, w_hh, states, layout, beta, reverse)
        return forward_by_steps(gates, h0, c0, w_hh, w_hr, states, layout, beta, reverse)


def backward_steps(
    grads: tuple[Tensor, ...],
    gates: Tensor,
    carried: Tensor,
    hidden: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """As manual.py's `backward_steps`."""
    gates, carried, h0, c0, w_hh = (t.contiguous() for t in (gates, carried, h0, c0, w_hh))
    layout = Layout.of(gates, lengths)
    d_output, d_h, d_c = grads
    with device_of(gates):
        given = (d_output, d_h.contiguous(), d_c.contiguous(), gates, carried, c0, w_hh)
        if w_hr is None and _fits(w_hh):
            d_gates, d_h0, d_c0 = backward_loop(*given, layout, beta, reverse)
            d_w_hr = None
        else:
            d_gates, d_h0, d_c0, d_hidden = backward_by_steps(*given, w_hr, layout, beta, reverse)
            d_w_hr = None if d_hidden is None else _rows(d_hidden).t() @ _rows(carried)
        if lengths is None:
            d_w_hh = weight_gradient(d_gates, hidden, h0, reverse)
        else:
            before = torch.cat((_rows(hidden), h0))[layout.predecessors(gates.device, reverse)]
            d_w_hh = _rows(d_gates).t() @ before
    return d_gates, d_h0, d_c0, d_w_hh, d_w_hr


def _rows(tensor: Tensor) -> Tensor:
    return tensor.flatten(0, -2)


def _fits(w_hh: Tensor) -> bool:
    """Whether a program can hold the weights, and multiply as exactly as torch's flags ask for."""
    if w_hh.dtype == torch.float32 and torch.backends.cuda.matmul.fp32_precision != "tf32":
        return False  # tensor cores would round; without them a program is slow
    return w_hh.size(1) <= _LARGEST_LOOP.get(w_hh.element_size(), 0)
