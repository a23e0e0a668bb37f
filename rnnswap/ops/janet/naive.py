"""JANET in plain PyTorch: the definition that everything faster is tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.ops._scan import active_steps, project, step_order


def janet_scan_naive(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    lengths: Tensor | None,
    beta: float,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Run one direction of one layer over all steps.

        s = W_f x + U_f h' + b_f
        g = tanh(W_c x + U_c h' + b_c)
        c = sigmoid(s) * c' + (1 - sigmoid(s - beta)) * g
        h = c, or W_hr c with a projection

    van der Westhuizen and Lasenby, The unreasonable effectiveness of the forget gate,
    arXiv:1804.04849, equation 5.

    Args:
        x: (T, B, I).
        h0: (B, H), with a projection (B, P); read by the gates of the first step.
        c0: (B, H); carried into the first step.
        w_ih: (2H, I); rows [c, f].
        w_hh: (2H, H), with a projection (2H, P); rows [c, f].
        b_ih: (2H,) or None.
        b_hh: (2H,) or None.
        w_hr: (P, H) or None.
        lengths: (B,) int64, each in [1, T], or None: all T. Steps past a row's length leave its
            state alone and give zeros as output.
        beta: Shift of the input gate.
        reverse: Visit the steps from the last to the first.

    Returns:
        output (T, B, H or P), h_n (B, H or P), c_n (B, H).
    """
    gates = project(x, w_ih, b_ih, b_hh)  # (T, B, 2H)
    active = active_steps(lengths, x.size(0), x.device)
    h, c = h0, c0
    outputs = list(gates)
    for t in step_order(x.size(0), reverse):
        pre_g, s = (gates[t] + F.linear(h, w_hh)).chunk(2, -1)
        # 1 - sigmoid(s - beta), without the cancellation where s is large
        new_c = torch.sigmoid(s) * c + torch.sigmoid(beta - s) * torch.tanh(pre_g)
        new_h = new_c if w_hr is None else F.linear(new_c, w_hr)
        if active is None:
            h, c, outputs[t] = new_h, new_c, new_h
        else:
            h, c = torch.where(active[t], new_h, h), torch.where(active[t], new_c, c)
            outputs[t] = torch.where(active[t], new_h, 0.0)
    return torch.stack(outputs), h, c
