"""The torch optimizer that makes the steps of what a library has put around it."""

from __future__ import annotations

from typing import Any, TypeGuard

from torch import Tensor
from torch.optim import Optimizer

from rnnswap.errors import ClipError


def stepping(optimizer: Any) -> Optimizer:
    """Return `optimizer`, or the one that it wraps where its own step runs no hooks.

    accelerate's and Lightning Fabric's wrappers keep the optimizer in `.optimizer` and call its
    step, after they have unscaled the gradients, and not in steps that only accumulate.

    Raises:
        ClipError: There is no torch optimizer that ran its base class's constructor.
    """
    met: list[Any] = []
    found: Any = optimizer
    while not _runs_hooks(found):
        met.append(found)
        inner = getattr(found, "optimizer", None)
        if inner is None or any(inner is one for one in met) or not _is_of_same(found, inner):
            raise _refusal(optimizer)
        found = inner
    return found


def _runs_hooks(optimizer: Any) -> TypeGuard[Optimizer]:
    # By the object's own attributes: a wrapper may hand on all others to what it wraps.
    own = getattr(optimizer, "__dict__", {})
    return isinstance(optimizer, Optimizer) and "_optimizer_step_pre_hooks" in own


def _is_of_same(wrapper: Any, inner: Any) -> bool:
    """Whether two optimizers have the same parameters: those of a wrapper may be copies."""
    # DeepSpeed steps pieces of the parameters, whose norm on one process is not the model's.
    if type(wrapper).__module__.partition(".")[0] == "deepspeed":
        return False
    mine = _parameters(wrapper)
    return mine is None or mine == _parameters(inner)


def _parameters(optimizer: Any) -> list[int] | None:
    groups = getattr(optimizer, "param_groups", None)
    return None if groups is None else [id(p) for group in groups for p in group["params"]]


def _refusal(optimizer: Any) -> ClipError:
    name = type(optimizer).__name__
    if type(optimizer).__module__.partition(".")[0] == "deepspeed":
        advice = "give DeepSpeed gradient_clipping in its configuration"
    elif isinstance(optimizer, Tensor) or not (held := _held(optimizer)):
        advice = "attach to the optimizer it wraps"
    else:
        advice = f"attach to {' or '.join(held)}, which it wraps"
    return ClipError(
        f"clipping attaches to a torch.optim.Optimizer that ran its base class's constructor, "
        f"got {name}; {advice}"
    )


def _held(wrapper: Any) -> list[str]:
    """Return the attributes of `wrapper` that are optimizers to attach to, as one writes them."""
    found = []
    for name, value in getattr(wrapper, "__dict__", {}).items():
        if _runs_hooks(value):
            found.append(f".{name}")
        elif isinstance(value, list | tuple) and value and all(map(_runs_hooks, value)):
            found.append(f"each of .{name}")
    return found
