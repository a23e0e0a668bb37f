"""Signatures of classes whose constructors hand most of their arguments on."""

from __future__ import annotations

import inspect
from typing import Any


def merged_signature(cls: type, root: type) -> inspect.Signature:
    """Return the constructor arguments of `cls` and of its bases up to `root`, in one signature.

    The root's come first, in its order; the keyword-only extras of the others follow.
    """
    parameters: dict[str, inspect.Parameter] = {}
    for owner in reversed(cls.__mro__):
        if issubclass(owner, root) and "__init__" in vars(owner):
            for p in list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]:
                if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                    parameters[p.name] = p
    return inspect.Signature(sorted(parameters.values(), key=lambda p: p.kind))


def nondefault_options(layer: Any) -> list[str]:
    """Return the keyword-only arguments that differ from their defaults, as `name=value`."""
    return [f"{name}={value!r}" for name, value in options_of(layer).items()]


def options_of(layer: Any) -> dict[str, Any]:
    """Return the keyword-only arguments that differ from their defaults."""
    return {
        p.name: getattr(layer, p.name)
        for p in inspect.signature(type(layer)).parameters.values()
        if p.kind is p.KEYWORD_ONLY and getattr(layer, p.name, p.default) != p.default
    }
