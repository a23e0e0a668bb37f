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
    result = scripted(_loop)(gates, h0, c0, w_hh, w_hr, lengths, beta, reverse)
    return result


def _loop(
    gates: Tensor,
    h: Tensor,
    c: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs: list[Tensor] = []
    for i in range(gates.size(0)):
        t = gates.size(0) - 1 - i if reverse else i
        g, s = (gates[t] + F.linear(h, w_hh)).chunk(2, -1)
        new_c = torch.sigmoid(s) * c + torch.sigmoid(beta - s) * torch.tanh(g)
        new_h = new_c if w_hr is None else F.linear(new_c, w_hr)
        output = new_h
        if lengths is not None:
            active = (lengths.to(gates.device) > t).unsqueeze(-1)
            output = torch.where(active, new_h, torch.zeros_like(new_h))
            new_h = torch.where(active, new_h, h)
            new_c = torch.where(active, new_c, c)
        h = new_h
        c = new_c
        outputs.append(output)
    if reverse:
        outputs.reverse()
    return torch.stack(outputs), h, c
