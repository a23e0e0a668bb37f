"""IndRNN in plain PyTorch: the definition that everything faster is tested against."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.ops._scan import active_steps, project, step_order


def indrnn_scan_naive(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """Run one direction of one layer over all steps: `h = act(W x + u * h' + b)`.

    Li, Li, Cook, Zhu and Gao, Independently recurrent neural network, arXiv:1803.04831, equation 2.

    Args:
        x: (T, B, I).
        h0: (B, H).
        w_ih: (H, I).
        u: (H,); each unit sees its own past only.
        b_ih: (H,) or None.
        b_hh: (H,) or None.
        lengths: (B,) int64, each in [1, T], or None: all T. Steps past a row's length leave its
            state alone and give zeros as output.
        nonlinearity: "relu" or "tanh".
        reverse: Visit the steps from the last to the first.

    Returns:
        output (T, B, H), h_n (B, H).
    """
    activation = torch.relu if nonlinearity == "relu" else torch.tanh
    projected = project(x, w_ih, b_ih, b_hh)  # (T, B, H)
    active = active_steps(lengths, x.size(0), x.device)
    h = h0
    outputs = list(projected)
    for t in step_order(x.size(0), reverse):
        new_h = activation(projected[t] + u * h)
        if active is None:
            h, outputs[t] = new_h, new_h
        else:
            h = torch.where(active[t], new_h, h)
            outputs[t] = torch.where(active[t], new_h, 0.0)
    return torch.stack(outputs), h
