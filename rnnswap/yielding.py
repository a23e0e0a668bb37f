"""Members of a class that give way to what a user puts on an instance under their name."""

from __future__ import annotations

import inspect
from typing import Any


class Yielding:
    """A member that can be read by its name until a user puts something else under it.

    Args:
        source: Name of the attribute that the layer itself reads.
        of_class: What the class answers; the member itself if it is not given.
    """

    def __init__(self, source: str, of_class: Any = None) -> None:
        self.source = source
        self.of_class = self if of_class is None else of_class

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    # Without __set__: an attribute of the instance is found before this is asked.
    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self.of_class
        for registered in (layer._modules, layer._parameters, layer._buffers):
            if self.name in registered:
                return registered[self.name]
        return getattr(layer, self.source)


def yields(kind: type, name: Any) -> bool:
    """Whether a class has a member of that name which gives way."""
    return isinstance(name, str) and isinstance(inspect.getattr_static(kind, name, None), Yielding)
