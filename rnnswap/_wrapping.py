"""Replaces a function by one around it, and puts it back. Imports no torch."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def wrap(
    owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[[], None]:
    """Replace the function `owner.name` and return what puts the very same one back."""
    original = getattr(owner, name)
    wrapper = functools.wraps(original)(make(original))
    setattr(owner, name, wrapper)

    def undo() -> None:
        # Whoever wrapped it meanwhile keeps their wrapper, and through it ours.
        if getattr(owner, name) is wrapper:
            setattr(owner, name, original)

    return undo
