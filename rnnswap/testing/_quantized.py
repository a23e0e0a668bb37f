"""A check of models whose other modules are quantised: what is read of a module is still there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.testing._checks import CheckSkippedError, check
from rnnswap.testing._compare import relative_error, require, require_equal
from rnnswap.testing._subject import Subject, inputs, run

#: Of eight bits in each of a few products in a row, of the largest value.
_ERROR = 0.1


@check()
def quantized_dynamically(subject: Subject) -> None:
    """A model with the layer runs after quantize_dynamic, about as it did before."""
    layer, x = subject.build(dtype=torch.float32), inputs(dtype=torch.float32)
    made = quantized(layer)
    for name, a, b in zip(("output", "h_n", "c_n"), run(made, x), run(layer, x), strict=True):
        require_near(a, b, name)


def quantized(module: nn.Module) -> Any:
    """Return what quantize_dynamic makes of a module inside another one."""
    if torch.backends.quantized.engine == "none":
        raise CheckSkippedError("this build of torch has no quantised operators")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)  # torch has no quantised ones
    try:
        quantize: Any = torch.ao.quantization.quantize_dynamic
        made = quantize(nn.Sequential(module), dtype=torch.qint8)
    finally:
        torch.use_deterministic_algorithms(before)
    return made[0]


def require_near(found: Tensor, truth: Tensor, name: str) -> None:
    """Fail unless a result after quantisation is about what it was before."""
    require_equal(tuple(found.shape), tuple(truth.shape), f"{name} after quantize_dynamic of shape")
    error = relative_error(found, truth)
    require(error <= _ERROR, f"{name} after quantize_dynamic differs by {error:.2g} of the largest")
