"""How much memory training has taken."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import torch

with contextlib.suppress(ImportError):  # Windows has none
    import resource

if TYPE_CHECKING:
    from torch.optim import Optimizer


def peak_memory(optimizer: Optimizer) -> int | None:
    """Return the most bytes held so far: on the first parameter's device, on a CPU by all."""
    device = next((p.device for g in optimizer.param_groups for p in g["params"]), None)
    if device is not None and device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Nor can a compiler that traces the step follow the call.
    if "resource" not in globals() or torch.compiler.is_compiling():
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
