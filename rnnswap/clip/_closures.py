"""The closure that a step may be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnswap.clip._steps import StepArguments


def with_closure(
    args: tuple[Any, ...], kwargs: dict[str, Any], act: Callable[[object], object]
) -> StepArguments | None:
    """Return a step's arguments with its closure followed by `act`, None if it has no closure.

    Args:
        args: The step's, the optimizer itself the first of them.
        kwargs: Those given by name.
        act: Called with what the closure returned.
    """

    def followed(closure: Callable[..., Any]) -> Callable[..., Any]:
        def closure_then_act(*inner: Any, **options: Any) -> Any:
            loss = closure(*inner, **options)
            act(loss)
            return loss

        return closure_then_act

    if callable(kwargs.get("closure")):
        return args, {**kwargs, "closure": followed(kwargs["closure"])}
    for position, argument in enumerate(args[1:], start=1):
        if callable(argument):
            return (*args[:position], followed(argument), *args[position + 1 :]), kwargs
    return None
