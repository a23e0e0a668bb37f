"""The modules that are alive, found without a look at all objects of the process each time."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from rnnswap._wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

#: A module comes to life by one of these: constructed, or as a copy.
_BIRTHS = ("__init__", "__setstate__")


class _Register:
    """Notes every module that is made while somebody follows."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._followers = 0
        self._undo: list[Callable[[], None]] = []
        self._forget()

    def _forget(self) -> None:
        self._known: dict[int, weakref.ref[nn.Module]] = {}
        #: Whether the modules older than the first follower are known as well.
        self._complete = False
        #: Another one whenever a module is made.
        self.stamp = object()

    @property
    def is_followed(self) -> bool:
        """Whether modules are noted as they are made."""
        return self._followers > 0

    def follow(self, follower: object) -> Callable[[], object]:
        """Note modules as long as `follower` lives; return what ends that sooner, once."""
        with self._lock:
            if not self._followers:
                self._undo = [wrap(nn.Module, name, _noting) for name in _BIRTHS]
            self._followers += 1
        end = weakref.finalize(follower, self._unfollow)
        end.atexit = False
        return end

    def _unfollow(self) -> None:
        with self._lock:
            self._followers -= 1
            if not self._followers:
                while self._undo:
                    self._undo.pop()()
                self._forget()

    def note(self, module: nn.Module) -> None:
        """Note a module that was made."""
        if not self._followers:
            return  # who wrapped our wrapper keeps it
        known, key = self._known, id(module)
        known[key] = weakref.ref(module, lambda _: known.pop(key, None))
        self.stamp = object()

    def modules(self) -> list[nn.Module]:
        """Return the modules that are alive."""
        with self._lock:
            if not self._followers:
                return _searched()
            if not self._complete:
                for module in _searched():
                    self.note(module)
                self._complete = True
            found = [reference() for reference in self._known.copy().values()]
        return [module for module in found if module is not None and _is_module(module)]


#: Of this process.
living = _Register()


def _noting(original: Callable[..., None]) -> Callable[..., None]:
    def noted(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(module, *args, **kwargs)
        # A compiler that traces a module's construction could not follow the rest.
        if not torch.compiler.is_compiling():
            living.note(module)

    return noted


def outermost(modules: list[nn.Module]) -> list[nn.Module]:
    """Return those that stand in no other."""
    inside = {id(child) for m in modules for child in m._modules.values() if child is not m}
    return [m for m in modules if id(m) not in inside]


def _searched() -> list[nn.Module]:
    return [thing for thing in gc.get_objects() if _is_module(thing)]


def _is_module(thing: Any) -> bool:
    # By type: isinstance would ask proxies that answer by doing something.
    return issubclass(type(thing), nn.Module) and "_modules" in getattr(thing, "__dict__", ())
