"""Every place in a model that holds a module: as a child, or in a container beside its children.

Models keep layers in plain lists, dicts and tuples as well (`self.rnns = [self.forward_rnn, ...]`),
and so their parameters (`self.penalised = [self.rnn.weight_hh_l0]`). Such a reference is no
submodule to torch, and a swap that missed it would leave the old layer running.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import torch
from torch import nn

from rnnswap.errors import SwapError
from rnnswap.patch._carry import namesakes


@dataclass(slots=True)
class Place:
    """`container[key]` is `old`, a module or parameter, or something with `old` in it."""

    container: Any
    key: Any
    old: Any
    new: Any
    before: Any = field(default=None, init=False)
    after: Any = field(default=None, init=False)
    path: str = field(default="", init=False)

    def prepare(self, path: str) -> None:
        """Note what `apply` shall put here; `path` is the replaced module's dotted name.

        Raises:
            SwapError: Here is a method of the old module, and the new one has none of its name.
        """
        self.path = path
        self.before = self.container[self.key]
        try:
            self.after = _with(self.before, self.old, self.new)
        except AttributeError as error:
            raise SwapError(
                f"{path or 'the model'}: its method is referred to, but {error}"
            ) from None

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


def places_of(
    pairs: Collection[tuple[nn.Module, nn.Module]], model: nn.Module
) -> dict[int, list[Place]]:
    """Return every place in `model` that holds the first of a pair, or a parameter of it.

    Args:
        pairs: Each module that goes, and the one that comes.
        model: Where to look; `model` itself is no place.

    Returns:
        The places, by the id of the module that goes.
    """
    search = _Search()
    for old, new in pairs:
        mine = search.places[id(old)] = []
        for goes, comes in ((old, new), *namesakes(old, new)):
            search.wanted[id(goes)] = (goes, comes, mine)
    # What goes keeps what it has, and what comes has taken over what the user had put on it.
    staying = (module for module in model.modules() if id(module) not in search.places)
    for parent in (*staying, *(new for _, new in pairs)):
        if not isinstance(parent, torch.jit.ScriptModule):  # holds scripted modules alone
            search.collect(parent._modules)
            search.collect(vars(parent), skip=("_modules", "_parameters", "_buffers"))
    return search.places


@dataclass(slots=True)
class _Search:
    """Looks through containers, each once."""

    places: dict[int, list[Place]] = field(default_factory=dict)
    wanted: dict[int, tuple[Any, Any, list[Place]]] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def collect(self, container: Any, skip: Collection[Any] = ()) -> None:
        if id(container) in self.seen:
            return
        self.seen.add(id(container))
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(items):
            if key in skip:
                continue
            parts = list(_flat(value))
            for part in {id(part) for part in parts} & self.wanted.keys():
                old, new, mine = self.wanted[part]
                mine.append(Place(container, key, old, new))
            for part in parts:
                if isinstance(part, list | dict | deque):
                    self.collect(part)


def _flat(value: Any) -> Iterator[Any]:
    """Yield what is in something that cannot be changed, at any depth; else the thing itself."""
    if isinstance(value, tuple | set | frozenset):
        parts: Iterable[Any] = value
    elif isinstance(value, MethodType):
        parts = (value.__self__,)
    elif isinstance(value, functools.partial):
        parts = (value.func, *value.args, *value.keywords.values())
    else:
        yield value
        return
    for part in parts:
        yield from _flat(part)


def _with(value: Any, old: Any, new: Any) -> Any:
    """Return what `_flat` looks into with `new` for `old` in it."""
    if value is old:
        return new
    if isinstance(value, MethodType) and value.__self__ is old:
        return getattr(new, value.__name__)
    if isinstance(value, functools.partial):
        args = (_with(argument, old, new) for argument in value.args)
        keywords = {key: _with(argument, old, new) for key, argument in value.keywords.items()}
        return functools.partial(_with(value.func, old, new), *args, **keywords)
    if not isinstance(value, tuple | set | frozenset):
        return value
    parts = [_with(part, old, new) for part in value]
    # A named tuple takes its fields one by one.
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
