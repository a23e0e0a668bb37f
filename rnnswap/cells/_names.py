"""Keeps the names of a layer free for users: whatever they put there wins, and changes no result.

A layer has more names than nn.LSTM: its options (`zoneout`), its sizes (`output_size`), numbers of
its class (`gates`). Code that ran with nn.LSTM may use any of them for something of its own. So the
layer itself reads only names that begin with an underscore, and the others yield.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from rnnswap.yielding import yields


class FreeNames(nn.Module):
    """A module in which parameters, buffers and modules may have the names that yield."""

    @classmethod
    def _leaves_free(cls, name: str) -> bool:
        """Whether an attribute of that name on a layer changes nothing of what the layer does.

        So it is with the public names of this library's classes that torch's have not: what
        yields, and methods, which are looked up on the class.
        """
        ours = (kind for kind in cls.__mro__ if kind.__module__.partition(".")[0] == "rnnswap")
        public = not name.startswith("_") and not hasattr(nn.LSTM, name)
        return public and any(name in vars(kind) for kind in ours)

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As nn.Module's."""
        with _room_for(self, name, self._parameters):
            super().register_parameter(name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """As nn.Module's."""
        with _room_for(self, name, self._buffers):
            super().register_buffer(name, tensor, persistent)

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """As nn.Module's."""
        with _room_for(self, name, self._modules):
            super().add_module(name, module)


@contextlib.contextmanager
def _room_for(module: nn.Module, name: Any, registered: dict[str, Any]) -> Iterator[None]:
    """Let a name that yields be registered, which nn.Module refuses as an attribute that exists.

    nn.Module takes a name that is registered already.
    """
    taken = (vars(module), module._parameters, module._buffers, module._modules)
    made = yields(type(module), name) and not any(name in names for names in taken)
    if made:
        registered[name] = None
    try:
        yield
    except BaseException:
        if made:
            del registered[name]
        raise
