"""Makes a policy act in the steps of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.weak import WeakTensorKeyDictionary

from rnnswap.clip._parse import as_policy
from rnnswap.clip._policy import ClipPolicy, ClipResult, Removable
from rnnswap.errors import ClipError

#: Called after each clipping with the optimizer and the result.
Callback: TypeAlias = Callable[[Optimizer, ClipResult], object]
_StepArguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]


def attach(
    policy: ClipPolicy | str, optimizer: Optimizer, callback: Callback | None = None
) -> ClipHandle:
    """Clip by `policy` in every step of `optimizer`.

    Clipping acts immediately before the step, so after `GradScaler.unscale_` and DDP's reduction;
    if the step is given a closure, at the closure's end. Parameters without a gradient are left
    out; a step in which none has one is not clipped.

    Args:
        policy: A policy, or its text such as `norm:1.0`.
        optimizer: Any torch optimizer.
        callback: Called as `callback(optimizer, result)` after each clipping; must not wait for
            the device if the loop shall not.

    Returns:
        A handle with `last`, the last result, and `detach()`.

    Raises:
        ClipError: The policy is malformed, or `optimizer` is not a torch optimizer with hooks.

    Example:
        >>> handle = attach("norm:1.0", torch.optim.SGD(model.parameters(), lr=0.1))
        >>> handle.last is None
        True
    """
    if not isinstance(optimizer, Optimizer) or not hasattr(optimizer, "_optimizer_step_pre_hooks"):
        raise ClipError(
            f"clipping attaches to a torch.optim.Optimizer that ran its base class's constructor, "
            f"got {type(optimizer).__name__}; attach to the optimizer it wraps"
        )
    handle = ClipHandle(as_policy(policy), callback)
    handle.watch(_parameters(optimizer))
    handle.undo_with(optimizer.register_step_pre_hook(handle.before_step).remove)
    return handle


class ClipHandle:
    """A policy at work. `detach()` ends it; so does leaving it as a context manager.

    Attributes:
        policy: The policy.
        last: What it did last, None before the first clipping.
    """

    def __init__(self, policy: ClipPolicy, callback: Callback | None = None) -> None:
        self.policy = policy
        self.last: ClipResult | None = None
        self._callback = callback
        self._undo: list[Callable[[], object]] = []
        self._watched: MutableMapping[Tensor, Removable] = WeakTensorKeyDictionary()

    def detach(self) -> None:
        """Stop clipping and remove every hook; a second call does nothing."""
        for watch in [*self._watched.values()]:
            watch.remove()
        self._watched.clear()
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> ClipHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()

    def __repr__(self) -> str:
        return f"<ClipHandle {self.policy}>"

    def undo_with(self, undo: Callable[[], object]) -> None:
        """Call `undo` when detached."""
        self._undo.append(undo)

    def watch(self, parameters: Iterable[Tensor]) -> None:
        """Let a policy that acts at each backward act on `parameters`, each once."""
        if self.policy.acts_at != "backward":
            return
        for parameter in parameters:
            if parameter.requires_grad and parameter not in self._watched:
                self._watched[parameter] = self.policy.watch(parameter)

    def before_step(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _StepArguments | None:
        """Clip now, or hand the step a closure that clips at its end (a step pre-hook)."""
        wrapped = _with_closure(args, kwargs, lambda: self._act(optimizer))
        if wrapped is None:
            self._act(optimizer)
        # After acting: a parameter not watched so far is clamped by the policy at this step.
        self.watch(_parameters(optimizer))
        return wrapped

    def _act(self, optimizer: Optimizer) -> None:
        scale = getattr(optimizer, "grad_scale", None)
        if scale is not None and self.policy.acts_at == "step":
            raise ClipError(
                f"clipping policy {self.policy} cannot act on {type(optimizer).__name__}: with "
                "fused=True it divides by the GradScaler's scale inside the step, so the "
                "gradients are still multiplied by it; call scaler.unscale_(optimizer) before "
                "scaler.step, or construct the optimizer with fused=False"
            )
        parameters = [p for p in _parameters(optimizer) if p.grad is not None]
        if not parameters:
            return
        with torch.no_grad():
            result = self.policy.clip_(parameters)
        self.last = result if scale is None else result.divided(scale)
        if self._callback is not None:
            self._callback(optimizer, self.last)


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _with_closure(
    args: tuple[Any, ...], kwargs: dict[str, Any], act: Callable[[], None]
) -> _StepArguments | None:
    """Return a step's arguments with its closure followed by `act`, None if it has none."""

    def followed(closure: Callable[..., Any]) -> Callable[..., Any]:
        def closure_then_clip(*inner: Any, **options: Any) -> Any:
            loss = closure(*inner, **options)
            act()
            return loss

        return closure_then_clip

    if callable(kwargs.get("closure")):
        return args, {**kwargs, "closure": followed(kwargs["closure"])}
    # args[0] is the optimizer itself.
    for position, argument in enumerate(args[1:], start=1):
        if callable(argument):
            return (*args[:position], followed(argument), *args[position + 1 :]), kwargs
    return None
