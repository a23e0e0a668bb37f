"""Questions to torch about what is being done with its operations. Needs torch."""

from __future__ import annotations

import torch


def is_transformed() -> bool:
    """Return whether a transform of torch.func is active; a trace takes the answer as given."""
    return torch._C._functorch.peek_interpreter_stack() is not None


# Dynamo would trace the function and knows no stack of transforms; it guards on the stack itself.
is_transformed._dynamo_marked_constant = True  # type: ignore[attr-defined]


def is_traced() -> bool:
    """Return whether torch.jit.trace records what is done."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced
