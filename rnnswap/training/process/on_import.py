"""Calls a function as soon as a module has been imported. Imports no torch."""

from __future__ import annotations

import importlib.abc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import importlib.machinery
    import types
    from collections.abc import Callable, Sequence


def when_imported(name: str, act: Callable[[types.ModuleType], object]) -> Callable[[], None]:
    """Call `act` with the module `name` when it has been imported; at once if it has been.

    Whoever imports the module waits for `act`, and gets what it raises.

    Returns:
        A function that ends the waiting.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_initializing(module):
        act(module)
        return _nothing
    finder = _Finder(name, act)
    sys.meta_path.insert(0, finder)
    return finder.end


def find_spec(
    without: object, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
) -> importlib.machinery.ModuleSpec | None:
    """Return what the finders of `sys.meta_path` other than `without` find for a module."""
    for finder in [*sys.meta_path]:
        if finder is without or not hasattr(finder, "find_spec"):
            continue
        if (spec := finder.find_spec(name, path, target)) is not None:
            return spec
    return None


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the others find one module, and sees to it that its end of loading is announced."""

    def __init__(self, name: str, act: Callable[[types.ModuleType], object]) -> None:
        self._name, self._act = name, act

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = find_spec(self, fullname, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self)
        return spec

    def loaded(self, module: types.ModuleType) -> None:
        self.end()
        self._act(module)

    def end(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class _Loader(importlib.abc.Loader):
    """Loads as `loader` does, which is the module's loader again once it has run."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self._loader, self._finder = loader, finder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        created: types.ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: types.ModuleType) -> None:
        # Before it runs: a module may look at its own spec.
        for owner, name in ((module.__spec__, "loader"), (module, "__loader__")):
            if getattr(owner, name, None) is self:
                setattr(owner, name, self._loader)
        self._loader.exec_module(module)
        self._finder.loaded(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _is_initializing(module: types.ModuleType) -> bool:
    # As importlib itself asks; a module made by hand has no spec and is there.
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _nothing() -> None:
    """Do nothing: there is nothing to wait for."""
