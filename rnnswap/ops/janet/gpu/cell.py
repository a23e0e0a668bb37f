"""What the kernels of JANET share: the equations of a step, and what they are compiled for."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from torch import Tensor

from rnnswap.ops.gpu import OPTIONS, Layout, accumulator, sigmoid


def compiled_for(layout: Layout, like: Tensor, beta: float, reverse: bool) -> dict[str, Any]:
    """What all kernels are compiled for; beta too, as an argument would be rounded to float32."""
    wide = accumulator(like.dtype)[1]
    return {"BETA": beta, "REVERSE": reverse, "WIDE": wide, **layout.flags, **OPTIONS}


@triton.jit
def new_state(g, s, c, BETA: tl.constexpr):
    """The c after a step, g being a tanh."""
    return sigmoid(s) * c + sigmoid(BETA - s) * g


@triton.jit
def slopes(g, s, c_before, BETA: tl.constexpr):
    """The derivatives of c by both pre-activations and by the c before, g being a tanh."""
    keep, put = sigmoid(s), sigmoid(BETA - s)
    of_g = put * (1.0 - g * g)
    of_s = keep * (1.0 - keep) * c_before - put * (1.0 - put) * g
    return of_g, of_s, keep
