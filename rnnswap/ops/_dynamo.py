"""Lets Dynamo take the numbers that a step reads as they are.

torch's scan operator takes no floating point number from outside its body. Dynamo leaves one open,
as it does an input's size, once it has seen two values of it (two layers with another leak rate),
and always with dynamic=True: the step that reads it could not be captured (torch 2.13).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

_Run = TypeVar("_Run", bound=Callable[..., Any])
_SETTING = "specialize_float"


def takes_numbers_as_they_are(run: _Run) -> _Run:
    """Let all numbers that `run` reads be constants of what Dynamo compiles."""

    @functools.wraps(run)
    def runs(*args: Any, **named: Any) -> Any:
        if torch.compiler.is_dynamo_compiling() and _numbers_are_open():
            with torch._dynamo.patch_dynamo_config(specialize_float=True):  # Dynamo traces it
                return run(*args, **named)
        return run(*args, **named)

    return cast(_Run, runs)


def _numbers_are_open() -> bool:
    """Return whether Dynamo, which traces, may leave numbers open and can be asked not to."""
    return _known() and not getattr(torch._dynamo.config, _SETTING)


# As in _inductor.py.
_numbers_are_open._dynamo_marked_constant = True  # type: ignore[attr-defined]


@functools.cache
def _known() -> bool:
    """Add the setting to those that may be changed while tracing; it changes no results."""
    from torch._dynamo import config, decorators

    allowed = getattr(decorators, "_allowed_config_patches", None)
    if not isinstance(allowed, tuple) or not hasattr(config, _SETTING):
        return False
    decorators._allowed_config_patches = (*allowed, _SETTING)
    return hasattr(torch._dynamo, "patch_dynamo_config")
