"""The closure that a step is given, among whatever else it is given."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.optim import Optimizer

    from rnnswap.clip._steps import StepArguments


def with_closure(
    optimizer: Optimizer,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    act: Callable[[object], object],
) -> StepArguments | None:
    """Return a step's arguments with its closure followed by `act`, None if it has none.

    Args:
        optimizer: Whose step it is.
        args: The positional arguments, the optimizer itself first.
        kwargs: The others.
        act: Called after the closure with what it returned, each time.
    """
    for key, argument in _callables(args, kwargs):
        if _is_closure(_name(type(optimizer), key), argument):
            followed = _followed(argument, act)
            if isinstance(key, str):
                return args, {**kwargs, key: followed}
            return (*args[:key], followed, *args[key + 1 :]), kwargs
    return None


def _callables(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[int | str, Any]]:
    yield from ((key, value) for key, value in kwargs.items() if callable(value))
    yield from ((n, value) for n, value in enumerate(args) if n > 0 and callable(value))


def _is_closure(parameter: str, argument: Any) -> bool:
    """Whether an argument is a closure: by its parameter's name, else by what it is called with.

    Modules, classes and loss functions can be called too, and are handed to steps.
    """
    if "closure" in parameter:
        return True
    if isinstance(argument, nn.Module | type):
        return False
    try:
        inspect.signature(argument).bind()
    except TypeError:  # it needs arguments
        return False
    except ValueError:  # a builtin that does not say
        return True
    return True


def _name(optimizer: type[Optimizer], key: int | str) -> str:
    """Return the name of the parameter that an argument of a step is given to; it may have none."""
    if isinstance(key, str):
        return key
    names = _names(optimizer.step)
    return names[key] if key < len(names) else ""


@functools.lru_cache(maxsize=64)
def _names(step: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters of a step that can be given by position."""
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = inspect.signature(step).parameters.values()
    return tuple(p.name for p in given if p.kind in by_position)


def _followed(closure: Callable[..., Any], act: Callable[[object], object]) -> Callable[..., Any]:
    def closure_then_act(*inner: Any, **options: Any) -> Any:
        loss = closure(*inner, **options)
        act(loss)
        return loss

    return closure_then_act
