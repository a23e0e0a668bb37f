"""Whether an optimizer's step calls another step, which then uses the gradients in its place.

A class may call its base's step, or step an optimizer that it holds. Before the first step the code
is asked whether it calls something named `step`; after that, what happened is known.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: What happened in the steps so far, by optimizer and step function.
_known: MutableMapping[Optimizer, dict[Callable[..., Any], bool]] = weakref.WeakKeyDictionary()
#: The optimizers whose gradients each optimizer's step has made.
_parts: MutableMapping[Optimizer, weakref.WeakSet[Optimizer]] = weakref.WeakKeyDictionary()
#: Whether a class's step function calls something named `step`, by class and function.
_calls: MutableMapping[type, dict[Callable[..., Any], bool]] = weakref.WeakKeyDictionary()
#: Attributes that hold no optimizers, and many things.
_NO_OPTIMIZERS = ("state", "param_groups", "defaults")


def is_expected(optimizer: Optimizer, function: Callable[..., Any]) -> bool:
    """Whether `function`, a step of `optimizer`, is expected to call another step."""
    known = _known.get(optimizer, {}).get(function)
    if known is not None:
        return known
    kind = type(optimizer)
    calls = _calls.setdefault(kind, {})
    if function not in calls:
        calls[function] = "step" in _names(kind, function)
    return calls[function] and (_has_base_step(kind, function) or _rests_on_held(optimizer))


def learn(optimizer: Optimizer, function: Callable[..., Any], *, goes_inside: bool) -> bool:
    """Remember whether a step called another one, and return whether it ever did."""
    known = _known.setdefault(optimizer, {})
    known[function] = goes_inside or known.get(function, False)
    return known[function]


def is_part(outer: Optimizer, inner: Optimizer) -> bool:
    """Whether the step of `outer` was seen to make the gradients of `inner`."""
    return inner in _parts.get(outer, ())


def learn_part(outer: Optimizer, inner: Optimizer) -> None:
    """Remember that the step of `outer` makes the gradients of `inner`."""
    _parts.setdefault(outer, weakref.WeakSet()).add(inner)


def held_by(optimizer: Optimizer) -> list[Optimizer]:
    """Return the other optimizers among the attributes of `optimizer`, or in containers there."""
    attributes = [v for k, v in vars(optimizer).items() if k not in _NO_OPTIMIZERS]
    return [o for value in attributes for o in _optimizers_in(value) if o is not optimizer]


def _optimizers_in(value: Any, depth: int = 2) -> Iterator[Optimizer]:
    # By type: isinstance would ask proxies that answer by doing something.
    if issubclass(type(value), Optimizer):
        if "param_groups" in vars(value):
            yield value
    elif depth and type(value) in (list, tuple, dict):
        for item in value.values() if type(value) is dict else value:
            yield from _optimizers_in(item, depth - 1)


def _has_base_step(kind: type, function: Callable[..., Any]) -> bool:
    """Whether a class behind the one that `function` is from has a step too."""
    own = [base for base in kind.__mro__ if base is not Optimizer and "step" in vars(base)]
    unwrapped = [inspect.unwrap(vars(base)["step"]) for base in own]
    position = next((n for n, f in enumerate(unwrapped) if f is inspect.unwrap(function)), 0)
    return position + 1 < len(own)


def _rests_on_held(optimizer: Optimizer) -> bool:
    """Whether the optimizers that `optimizer` holds can make its step.

    They can if they have all of its parameters, or other ones without gradients so far: copies.
    One whose other parameters have gradients already is a partner, for parameters of its own.
    """
    own = {id(p) for g in optimizer.param_groups for p in g["params"]}
    shared: set[int] = set()
    for held in held_by(optimizer):
        parameters = [p for g in held.param_groups for p in g["params"]]
        if all(id(p) not in own and p.grad is None for p in parameters):
            return True
        shared.update(id(p) for p in parameters)
    return bool(own) and own <= shared


def _names(kind: type, function: Callable[..., Any]) -> set[str]:
    """Return the names that a step function uses, and the class's methods that it calls."""
    names: set[str] = set()
    waiting = [inspect.unwrap(function)]
    while waiting:
        new = _names_in(getattr(waiting.pop(), "__code__", None)) - names
        names |= new
        methods = (inspect.getattr_static(kind, name, None) for name in new if name != "step")
        waiting += [inspect.unwrap(m) for m in methods if isinstance(m, FunctionType)]
    return names


def _names_in(code: CodeType | None) -> set[str]:
    if code is None:  # compiled by something else: what happens will be seen
        return set()
    inner = (c for c in code.co_consts if isinstance(c, CodeType))
    return {*code.co_names}.union(*map(_names_in, inner))
