"""Makes a policy act in the steps of an optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnswap.clip import _names
from rnnswap.clip._by_name import ByNameClip
from rnnswap.clip._follow import listen_to
from rnnswap.clip._handle import Callback, ClipHandle, refuse_flat
from rnnswap.clip._inner import stepping
from rnnswap.clip._parse import as_policy
from rnnswap.clip._steps import parameters_of
from rnnswap.clip._together import Together, TurnsTogether
from rnnswap.clip._turn import Turns
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn
    from torch.optim import Optimizer

    from rnnswap.clip._nonfinite import OnNonFinite
    from rnnswap.clip._policy import ClipPolicy


def attach(
    policy: ClipPolicy | str,
    optimizer: Optimizer | Sequence[Optimizer],
    callback: Callback | None = None,
    *,
    on_nonfinite: OnNonFinite = "warn",
    measure: bool | None = None,
    model: nn.Module | None = None,
) -> ClipHandle:
    """Clip by `policy` in every step of `optimizer`.

    Clipping acts immediately before the step, so after `GradScaler.unscale_` and DDP's reduction;
    if the step is given a closure, at the closure's end. Under a GradScaler with a fused optimizer,
    which would divide by the scale inside the step, the gradients are divided before it. Parameters
    without a gradient are left out; a step in which none has one is not clipped.

    The statistics of an adaptive policy are the object's: give two optimizers two objects, or
    texts. They are saved in the optimizer's own state_dict, and loaded with it.

    Args:
        policy: A policy, or its text such as `norm:1.0`.
        optimizer: Any torch optimizer, or what accelerate or Fabric has put around one; or several
            of one model, such as Muon and AdamW, whose gradients are then clipped together, before
            the first of them steps: `norm` bounds the norm of all. Their gradients must be there
            then, and not change before their steps.
        callback: Called as `callback(optimizer, result)` after each clipping; must not wait for
            the device if the loop shall not.
        on_nonfinite: What to do when a gradient is infinite or NaN. "warn" warns and makes the
            step; "raise" raises ClipError; "skip" leaves the step out, by dropping the gradients.
            The last two wait for the device once a step.
        measure: Whether to find out what is done, which can cost more than the clipping. None: if
            there is a callback, at the first step, and from when `last` was first read.
        model: Where the parameters' names are from; None searches the modules that are alive.

    Returns:
        A handle with `last`, the last result, and `detach()`.

    Raises:
        ClipError: The policy is malformed, a rule of it matches no parameter, or `optimizer` is
            not a torch optimizer with hooks, or one of FSDP1's parameters.

    Example:
        >>> handle = attach("norm:1.0", torch.optim.SGD(model.parameters(), lr=0.1))
        >>> handle.last is None
        True
    """
    optimizers = _members(optimizer)
    parameters = [p for o in optimizers for p in parameters_of(o)]
    made = as_policy(policy)
    refuse_flat(made, parameters)
    if model is not None:
        _names.remember(model)
    for one in optimizers:
        _names.remember_of(one)
    if isinstance(made, ByNameClip):
        made.check_names(_names.names_of(parameters))
    handle = ClipHandle(made, callback, on_nonfinite=on_nonfinite, measure=measure, owns=optimizers)
    together = Together(handle, optimizers)
    for one in optimizers:
        handle.meet(one)
        alone = len(optimizers) == 1
        turns = Turns(handle, one) if alone else TurnsTogether(handle, one, together)
        handle.undo_with(listen_to(turns, one))
    return handle


def _members(given: Optimizer | Sequence[Optimizer]) -> list[Optimizer]:
    """Return the optimizers that make the steps, one or several."""
    if not isinstance(given, list | tuple):
        return [stepping(given)]
    optimizers = [stepping(one) for one in given]
    if not optimizers or len({id(o) for o in optimizers}) < len(optimizers):
        raise ClipError(
            f"clipping attaches to one or more different optimizers, got {len(optimizers)}"
            + (" of which some are the same" if optimizers else "")
        )
    return optimizers
