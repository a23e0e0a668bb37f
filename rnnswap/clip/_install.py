"""Makes a policy act in the steps of every optimizer of the process."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from rnnswap.clip._follow import listen_to_all
from rnnswap.clip._handle import Callback, ClipHandle
from rnnswap.clip._parse import as_policy
from rnnswap.clip._turn import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnswap.clip._nonfinite import OnNonFinite
    from rnnswap.clip._policy import ClipPolicy

_lock = threading.RLock()
_listeners: list[ClipHandle] = []
_wrapper: Callable[..., None] | None = None


def install(
    policy: ClipPolicy | str,
    callback: Callback | None = None,
    *,
    on_nonfinite: OnNonFinite = "warn",
    measure: bool | None = None,
) -> ClipHandle:
    """Clip by `policy` in every step of every optimizer, those that exist already included.

    As `attach` for each of them, but that an adaptive policy has statistics for each apart. A
    policy that acts at each backward does so for an optimizer constructed before from its first
    step on.

    Args:
        policy: A policy, or its text such as `norm:1.0`.
        callback: Called as `callback(optimizer, result)` after each clipping.
        on_nonfinite: "warn", "raise" or "skip", as for `attach`.
        measure: Whether to find out what is done, as for `attach`.

    Returns:
        A handle with `last`, the last result of any optimizer, and `detach()`.

    Raises:
        ClipError: The policy is malformed.
    """
    handle = ClipHandle(as_policy(policy), callback, on_nonfinite=on_nonfinite, measure=measure)
    handle.undo_with(listen_to_all(Turns(handle)))
    if handle.policy.acts_at == "backward" or handle.policy.state_dict():
        _listen(handle)
        handle.undo_with(lambda: _unlisten(handle))
    return handle


def _listen(handle: ClipHandle) -> None:
    """Let `handle` meet every optimizer before its first backward, and before it is loaded."""
    global _wrapper
    with _lock:
        if not _listeners:
            _wrapper = _announcing(Optimizer.add_param_group)
            Optimizer.add_param_group = _wrapper  # type: ignore[method-assign]
        _listeners.append(handle)


def _unlisten(handle: ClipHandle) -> None:
    """Put the original method back with the last listener, whatever the order they leave in."""
    with _lock:
        _listeners.remove(handle)
        # Whoever wrapped the method meanwhile keeps their wrapper; ours then announces to nobody.
        if not _listeners and Optimizer.add_param_group is _wrapper:
            Optimizer.add_param_group = _wrapper.__wrapped__  # type: ignore[method-assign, attr-defined]


def _announcing(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def add_param_group(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(optimizer, *args, **kwargs)
        for handle in tuple(_listeners):
            handle.meet(optimizer)

    return add_param_group
