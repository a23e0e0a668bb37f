"""Keeps the modules that this package needs out of a script's way. Imports no torch.

A script beside a `click.py` or a `resource.py` of its own means these by those names, though the
process has imported others before. So what was imported for this package is taken out of
`sys.modules` while the script runs. A script that means the same files gets the same modules back.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
from typing import TYPE_CHECKING, Any

from rnnswap.training.process.on_import import find_spec

if TYPE_CHECKING:
    import types
    from collections.abc import Collection, Iterator, Sequence

#: The script's as much as ours: what they hold must exist once in a process.
_SHARED = ("rnnswap", "torch")


class OwnModules:
    """The modules of this package's own imports.

    Args:
        before: Names of the modules that python had loaded before it loaded ours. None: this
            process is not ours (somebody called a function of ours in it); nothing is put aside.
    """

    def __init__(self, before: Collection[str] | None) -> None:
        self._before = before
        #: Without the script's folder, which takes the place of its first entry.
        self._path = [*sys.path]
        self._own: dict[str, types.ModuleType] = {}
        self._finder = _GivesBack(self._own)
        self._script_folder: str | None = None
        self._torch_was_there = False

    def put_aside(self, script_folder: str) -> None:
        """Take the modules out of `sys.modules`; a script in `script_folder` starts after this.

        Modules of the standard library stay, as much of it finds others there (`threading` at
        python's end), unless the script's folder has a module of that name.
        """
        if self._before is None:
            return
        self._script_folder = script_folder
        # A plugin has imported torch, and with it what torch and its own objects need.
        self._torch_was_there = "torch" in sys.modules
        self._keep({*sys.modules} - {*self._before})
        for name in self._own:
            del sys.modules[name]
        sys.meta_path.insert(0, self._finder)

    @contextlib.contextmanager
    def at_hand(self, *, shares: bool = False) -> Iterator[None]:
        """Let imports mean our modules, whatever the script has put in their place.

        Args:
            shares: What is imported meanwhile is what the script's objects are made of, such as a
                plugin's cell: it stays in sight, unless the script's folder has that name.
        """
        if self._before is None or self._script_folder is None:
            yield
            return
        path, sys.path = sys.path, [*self._path]
        theirs = {name: sys.modules.get(name) for name in self._own}
        theirs |= self._shadowing()
        for name in theirs:
            sys.modules.pop(name, None)
        sys.modules.update(self._own)
        known = {*sys.modules}
        try:
            yield
        finally:
            sys.path = path
            new = {*sys.modules} - known
            if shares:
                self._share({name.partition(".")[0] for name in new})
            else:
                self._keep(new)
            for name in {*self._own, *theirs}:
                module = theirs.get(name)
                if module is not None:
                    sys.modules[name] = module
                elif name in self._own:
                    sys.modules.pop(name, None)

    def _shadowing(self) -> dict[str, types.ModuleType]:
        """Return the modules of the script by whose names we mean others, not loaded so far."""
        ours, tops = {*self._path}, set()
        for name, module in [*sys.modules.items()]:
            if "." in name or name in self._own or not self._may_differ(name):
                continue
            spec = getattr(module, "__spec__", None)
            if spec is None or not spec.has_location or _folder(spec) in ours:
                continue
            found = find_spec(self._finder, name, None)
            if found is not None and _place(found) != _place(spec):
                tops.add(name)
        return {n: m for n, m in sys.modules.items() if n.partition(".")[0] in tops}

    def _may_differ(self, name: str) -> bool:
        return name not in _SHARED and name != "__main__" and name not in (self._before or ())

    def _share(self, tops: Collection[str]) -> None:
        """Leave these packages in sight, with what was loaded of them before."""
        for name in [*self._own, *sys.modules]:
            top = name.partition(".")[0]
            if top not in tops or top in _SHARED:
                continue
            if self._is_beside_script(top):
                self._own.setdefault(name, sys.modules[name])
            else:
                self._own.pop(name, None)

    def _keep(self, names: Collection[str]) -> None:
        """Note which of these loaded modules are to be out of the script's sight."""
        for name in names:
            module = sys.modules.get(name)
            if module is not None and self._is_in_the_way(name):
                self._own[name] = module

    def _is_in_the_way(self, name: str) -> bool:
        top = name.partition(".")[0]
        if top in _SHARED or name == "__main__":
            return False
        stays = top in sys.stdlib_module_names or self._torch_was_there
        return not stays or self._is_beside_script(top)

    def _is_beside_script(self, top: str) -> bool:
        spec = importlib.machinery.PathFinder.find_spec(top, [self._script_folder or ""])
        own = getattr(sys.modules.get(top), "__spec__", None)
        return spec is not None and _place(spec) != _place(own)


class _GivesBack(importlib.abc.MetaPathFinder):
    """Finds a module that was put aside, where an import means the same file."""

    def __init__(self, own: dict[str, types.ModuleType]) -> None:
        self._own = own

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._own:
            return None
        spec, module = find_spec(self, fullname, path, target), self._own[fullname]
        if spec is not None and _place(spec) == _place(getattr(module, "__spec__", None)):
            spec.loader = _Again(module)
        return spec


class _Again(importlib.abc.Loader):
    """Loads a module that is loaded already."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__ = self._spec


def _folder(spec: Any) -> str:
    """Return the entry of sys.path that a top-level module was found by."""
    folder: str = os.path.dirname(spec.origin)  # noqa: PTH120
    return os.path.dirname(folder) if spec.submodule_search_locations else folder  # noqa: PTH120


def _place(spec: Any) -> object:
    """Return what tells the files of modules apart."""
    if spec is None:
        return None
    return spec.origin, [*(spec.submodule_search_locations or ())]
