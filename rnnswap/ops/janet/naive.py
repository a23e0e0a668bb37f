"""JANET in plain PyTorch: the definition that everything faster is tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.ops._scan import StepRunner, given_or_zeros, loop_steps, packed_too, project


def janet_step(pre_activations: Tensor, c: Tensor, beta: float) -> Tensor:
    r"""Return the new c (B, H) of one step.

        c = sigmoid(s) * c' + (1 - sigmoid(s - beta)) * tanh(g)

    Args:
        pre_activations: (B, 2H), rows [g, s]: input and recurrent products with biases.
        c: (B, H).
        beta: Shift of the input gate.
    """
    g, s = pre_activations.chunk(2, -1)
    # sigmoid(beta - s) is 1 - sigmoid(s - beta) without the cancellation where s is large.
    return torch.sigmoid(s) * c + torch.sigmoid(beta - s) * torch.tanh(g)


@packed_too
def janet_scan_naive(
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
    run: StepRunner = loop_steps,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Run one direction of one layer over all steps.

        s = W_f x + U_f h' + b_f
        g = tanh(W_c x + U_c h' + b_c)
        c = sigmoid(s) * c' + (1 - sigmoid(s - beta)) * g
        h = c, or W_hr c with a projection

    van der Westhuizen and Lasenby, The unreasonable effectiveness of the forget gate,
    arXiv:1804.04849, equation 5.

    Args:
        x: (T, B, I), or with w_ih None the projected input (T, B, 2H), biases included.
            Or packed (N, ...), see `packed_too`; then `lengths` is given and output is packed.
        h0: (B, H), with a projection (B, P), or None: zeros; read by the gates of the first step.
        c0: (B, H) or None: zeros; carried into the first step.
        w_ih: (2H, I) or None; rows [c, f].
        w_hh: (2H, H), with a projection (2H, P); rows [c, f].
        b_ih: (2H,) or None.
        b_hh: (2H,) or None.
        w_hr: (P, H) or None.
        lengths: (B,) int64, each in [1, T], or None: all T. Steps past a row's length leave its
            state alone and give zeros as output.
        beta: Shift of the input gate.
        reverse: Visit the steps from the last to the first.
        run: How the steps are run: the loop, or torch's scan operator.

    Returns:
        output (T, B, H or P), h_n (B, H or P), c_n (B, H).
    """
    gates = x if w_ih is None else project(x, w_ih, b_ih, b_hh)  # (T, B, 2H)
    h0, c0 = given_or_zeros(h0, x, w_hh.size(1)), given_or_zeros(c0, x, w_hh.size(0) // 2)

    def step(gates_x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = state
        new_c = janet_step(gates_x + F.linear(h, w_hh), c, beta)
        return new_c if w_hr is None else F.linear(new_c, w_hr), new_c

    output, (h_n, c_n) = run(step, gates, (h0, c0), lengths, reverse)
    return output, h_n, c_n
