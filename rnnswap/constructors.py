"""What a layer's constructor takes beside nn.LSTM's arguments, and what a layer was given of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_Constructor = TypeVar("_Constructor", bound=Callable[..., None])
_PLAIN = (bool, int, float, str, type(None))


def keyword_options(kind: type) -> dict[str, Any]:
    """Return the keyword-only arguments of a class and of its bases, with their defaults.

    A constructor may hand them on by `**kwargs`, so that its own signature does not name them.
    """
    options: dict[str, Any] = {}
    for owner in reversed(kind.__mro__):
        constructor = vars(owner).get("__init__")
        if not inspect.isfunction(constructor):
            continue
        for parameter in inspect.signature(constructor).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                options[parameter.name] = parameter.default
    return options


def chosen_options(layer: Any) -> dict[str, Any]:
    """Return those keyword-only arguments of a layer that it keeps and that differ from defaults.

    A value that is no plain one, such as a tensor that a subclass made of its argument, is none
    that the constructor was given.
    """
    chosen = {}
    for name, default in keyword_options(type(layer)).items():
        value = vars(layer).get(_source_of(type(layer), name), default)
        if _is_plain(value) and (not _is_plain(default) or value != default):
            chosen[name] = value
    return chosen


def written_options(layer: Any) -> list[str]:
    """Return `chosen_options` as text: `name=value`."""
    return [f"{name}={value!r}" for name, value in chosen_options(layer).items()]


def _source_of(kind: type, name: str) -> str:
    """Return the attribute that holds an option; the name itself may be a user's."""
    source = getattr(inspect.getattr_static(kind, name, None), "source", name)
    return source if isinstance(source, str) else name


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(part) for part in value)
    return isinstance(value, _PLAIN)


def with_arguments_of(base: Any) -> Callable[[_Constructor], _Constructor]:
    """Give a constructor that takes `*args, **kwargs` the signature of what it takes in all.

    The arguments of `base`'s constructor come first, in its order; its own keywords follow. It says
    so itself, not its class, so that a subclass with another constructor has that one's signature.
    """

    def mark(constructor: _Constructor) -> _Constructor:
        parameters: dict[str, inspect.Parameter] = {}
        for function in (base.__init__, constructor):
            for p in inspect.signature(function).parameters.values():
                if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                    parameters[p.name] = p
        signature = inspect.Signature(sorted(parameters.values(), key=lambda p: p.kind))
        constructor.__signature__ = signature  # type: ignore[attr-defined]
        return constructor

    return mark
