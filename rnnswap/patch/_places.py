"""Every place in a model that holds a module: as a child, or in a list or dict beside its children.

Models keep layers in plain lists, dicts and tuples as well (`self.rnns = [self.forward_rnn, ...]`).
Such a reference is no submodule to torch, and a swap that missed it would leave the old layer
running.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from rnnswap.errors import SwapError


@dataclass(slots=True)
class Place:
    """`container[key]` is a module, or a tuple with modules in it."""

    container: Any
    key: Any
    before: Any = field(default=None, init=False)
    after: Any = field(default=None, init=False)
    path: str = field(default="", init=False)

    def prepare(self, old: nn.Module, new: nn.Module, path: str) -> None:
        """Note what `apply` shall put here: `new` where `old` is, whose dotted name is `path`."""
        self.path = path
        self.before = self.container[self.key]
        self.after = _with(self.before, old, new)

    def apply(self) -> None:
        """Put it here."""
        self.container[self.key] = self.after

    def check(self) -> None:
        """Refuse to go back if something else was put here since.

        Raises:
            SwapError: It was.
        """
        try:
            unchanged = self.container[self.key] is self.after
        except LookupError:
            unchanged = False
        if not unchanged:
            raise SwapError(
                f"{self.path or 'the model'} was replaced again since this swap: undo that first"
            )

    def restore(self) -> None:
        """Put back what was here before."""
        self.container[self.key] = self.before


def walk(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module under every dotted name it has; cycles are followed once."""
    yield from _walk(model, "", frozenset())


def _walk(module: nn.Module, path: str, above: frozenset[int]) -> Iterator[tuple[str, nn.Module]]:
    yield path, module
    above |= {id(module)}
    for name, child in module._modules.items():
        if child is not None and id(child) not in above:
            yield from _walk(child, f"{path}.{name}" if path else name, above)


def places_of(modules: Collection[nn.Module], model: nn.Module) -> dict[int, list[Place]]:
    """Return every place below `model` that holds one of `modules`, by the module's id."""
    found: dict[int, list[Place]] = {id(module): [] for module in modules}
    seen: set[int] = set()
    for parent in model.modules():
        if isinstance(parent, torch.jit.ScriptModule):
            continue  # holds scripted modules alone, and is not to be changed
        _collect(parent._modules, found, seen)
        beside = vars(parent)
        _collect(beside, found, seen, skip=("_modules", "_parameters", "_buffers"))
    return found


def _collect(
    container: Any, found: dict[int, list[Place]], seen: set[int], skip: Collection[Any] = ()
) -> None:
    if id(container) in seen:
        return
    seen.add(id(container))
    items = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in list(items):
        if key in skip:
            continue
        if id(value) in found:
            found[id(value)].append(Place(container, key))
        elif isinstance(value, tuple):
            for inside in {id(element) for element in _flat(value)} & found.keys():
                found[inside].append(Place(container, key))
        for inner in _flat(value):
            if isinstance(inner, list | dict):
                _collect(inner, found, seen)


def _flat(value: Any) -> Iterator[Any]:
    """Yield the elements of a tuple and of the tuples in it; anything else as it is."""
    if isinstance(value, tuple):
        for element in value:
            yield from _flat(element)
    else:
        yield value


def _with(value: Any, old: nn.Module, new: nn.Module) -> Any:
    if value is old:
        return new
    if not isinstance(value, tuple):
        return value
    elements = [_with(element, old, new) for element in value]
    # A named tuple takes its fields one by one.
    return type(value)(*elements) if hasattr(value, "_fields") else type(value)(elements)
