"""IndRNN in plain PyTorch: the definition that everything faster is tested against."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.ops._scan import StepRunner, given_or_zeros, loop_steps, packed_too, project


@packed_too
def indrnn_scan_naive(
    x: Tensor,
    h0: Tensor | None,
    w_ih: Tensor | None,
    u: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    lengths: Tensor | None,
    nonlinearity: str,
    reverse: bool,
    run: StepRunner = loop_steps,
) -> tuple[Tensor, Tensor]:
    """Run one direction of one layer over all steps: `h = act(W x + u * h' + b)`.

    Li, Li, Cook, Zhu and Gao, Independently recurrent neural network, arXiv:1803.04831, equation 2.

    Args:
        x: (T, B, I), or with w_ih None the projected input (T, B, H), biases included.
            Or packed (N, ...), see `packed_too`; then `lengths` is given and output is packed.
        h0: (B, H) or None: zeros.
        w_ih: (H, I) or None.
        u: (H, 1); each unit sees its own past only.
        b_ih: (H,) or None.
        b_hh: (H,) or None.
        lengths: (B,) int64, each in [1, T], or None: all T. Steps past a row's length leave its
            state alone and give zeros as output.
        nonlinearity: "relu" or "tanh".
        reverse: Visit the steps from the last to the first.
        run: How the steps are run: the loop, or torch's scan operator.

    Returns:
        output (T, B, H), h_n (B, H).
    """
    h0 = given_or_zeros(h0, x, u.size(0))
    activation = torch.relu if nonlinearity == "relu" else torch.tanh
    projected = x if w_ih is None else project(x, w_ih, b_ih, b_hh)  # (T, B, H)

    def step(projected_x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = state
        return (activation(projected_x + u.t() * h),)

    output, (h_n,) = run(step, projected, (h0,), lengths, reverse)
    return output, h_n
