"""Lets Dynamo take the numbers that a step reads as they are.

torch's scan operator takes no floating point number from outside its body. Dynamo leaves one open,
as it does an input's size, once it has seen two values of it (two layers with another leak rate),
and always with dynamic=True: the step that reads it could not be captured (torch 2.13).
"""

from __future__ import annotations

import contextlib
import functools

import torch

_SETTING = "specialize_float"


def numbers_are_open() -> bool:
    """Return whether Dynamo may leave numbers open, and can be asked not to.

    To be called while Dynamo traces, before `numbers_as_they_are` is entered.
    """
    return _known() and not getattr(torch._dynamo.config, _SETTING)


# As in _inductor.py.
numbers_are_open._dynamo_marked_constant = True  # type: ignore[attr-defined]


def numbers_as_they_are() -> contextlib.AbstractContextManager[None]:
    """Return a context, to be traced by Dynamo, in which numbers that are read are constants."""
    patch: contextlib.AbstractContextManager[None]
    patch = torch._dynamo.patch_dynamo_config(specialize_float=True)
    return patch


@functools.cache
def _known() -> bool:
    """Add the setting to those that may be changed while tracing; it changes no results."""
    from torch._dynamo import config, decorators

    allowed = getattr(decorators, "_allowed_config_patches", None)
    if not isinstance(allowed, tuple) or not hasattr(config, _SETTING):
        return False
    decorators._allowed_config_patches = (*allowed, _SETTING)
    return hasattr(torch._dynamo, "patch_dynamo_config")
