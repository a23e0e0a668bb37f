"""IndRNN for torch.jit.trace: a TorchScript loop, so that a trace is right at any length."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.ops._scan import given_or_zeros, packed_too, project
from rnnswap.ops._script import scripted


@packed_too
def indrnn_scan_scripted(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """As `indrnn_scan_naive`, arguments and results."""
    projected = x if w_ih is None else project(x, w_ih, b_ih, b_hh)
    result: tuple[Tensor, Tensor]
    h0, u = given_or_zeros(h0, x, u.size(0)), u.squeeze(1)
    # A flag for what is not given: ONNX's older exporter knows no None.
    given, flags = u if lengths is None else lengths, (lengths is not None, reverse)
    result = scripted(_loop)(projected, h0, u, given, nonlinearity == "relu", *flags)
    return result


def _loop(
    projected: Tensor, h: Tensor, u: Tensor, lengths: Tensor, relu: bool, ends: bool, reverse: bool
) -> tuple[Tensor, Tensor]:
    last = projected.size(0) - 1
    if reverse:  # here, for a list that is reversed is unknown there as well
        projected = projected.flip(0)
    outputs: list[Tensor] = []
    for t in range(projected.size(0)):
        summed = projected[t] + u * h
        new_h = torch.relu(summed) if relu else torch.tanh(summed)
        now = new_h
        if ends:
            active = (lengths.to(projected.device) > (last - t if reverse else t)).unsqueeze(-1)
            now = torch.where(active, new_h, torch.zeros_like(new_h))
            new_h = torch.where(active, new_h, h)
        h = new_h
        outputs.append(now)
    output = torch.stack(outputs)
    return output.flip(0) if reverse else output, h
