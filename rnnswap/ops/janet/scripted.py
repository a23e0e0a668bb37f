"""JANET for torch.jit.trace: a TorchScript loop, so that a trace is right at any length."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.ops._scan import given_or_zeros, packed_too, project
from rnnswap.ops._script import scripted


@packed_too
def janet_scan_scripted(
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
    """As `janet_scan_naive`, arguments and results."""
    gates = x if w_ih is None else project(x, w_ih, b_ih, b_hh)
    h0, c0 = given_or_zeros(h0, x, w_hh.size(1)), given_or_zeros(c0, x, w_hh.size(0) // 2)
    result: tuple[Tensor, Tensor, Tensor]
    # Flags for what is not given: ONNX's older exporter knows no None.
    optional = (w_hh if t is None else t for t in (w_hr, lengths))
    flags = (w_hr is not None, lengths is not None, reverse)
    result = scripted(_loop)(gates, h0, c0, w_hh, *optional, beta, *flags)
    return result


def _loop(
    gates: Tensor,
    h: Tensor,
    c: Tensor,
    w_hh: Tensor,
    w_hr: Tensor,
    lengths: Tensor,
    beta: float,
    projects: bool,
    ends: bool,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    last = gates.size(0) - 1
    if reverse:  # here, for a list that is reversed is unknown there as well
        gates = gates.flip(0)
    outputs: list[Tensor] = []
    for t in range(gates.size(0)):
        g, s = (gates[t] + F.linear(h, w_hh)).chunk(2, -1)
        new_c = torch.sigmoid(s) * c + torch.sigmoid(beta - s) * torch.tanh(g)
        new_h = F.linear(new_c, w_hr) if projects else new_c
        now = new_h
        if ends:
            active = (lengths.to(gates.device) > (last - t if reverse else t)).unsqueeze(-1)
            now = torch.where(active, new_h, torch.zeros_like(new_h))
            new_h = torch.where(active, new_h, h)
            new_c = torch.where(active, new_c, c)
        h = new_h
        c = new_c
        outputs.append(now)
    output = torch.stack(outputs)
    return output.flip(0) if reverse else output, h, c
