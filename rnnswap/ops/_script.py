"""Loops in TorchScript: a trace records a call of one as a loop, not as the steps it ran."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch


@functools.cache
def scripted(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by torch.jit.script, once, when it is first needed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit as a whole is deprecated
        compiled: Callable[..., Any] = torch.jit.script(loop)
    return compiled


def reasons_against_script(*_: Any) -> list[str]:
    """Return why a loop in TorchScript does not run now."""
    tracing = torch._C._get_tracing_state() is not None
    return [] if tracing else ["only torch.jit.trace needs it"]
