"""Notices that a script clips gradients itself, by torch's functions."""

from __future__ import annotations

import functools
import math
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad

from rnnswap.clip._steps import place_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    #: Called with the gradients that were clipped, the function's name, file and line of the call.
    Listener = Callable[[Sequence[Tensor], str, str, int], object]

# Every clipping of torch's groups its gradients by this function of its module, however a script
# has imported what it calls.
_GROUPING = "_group_tensors_by_device_and_dtype"
_CLIPPING = {
    clip_grad._clip_grads_with_norm_.__wrapped__.__code__: "clip_grad_norm_",  # type: ignore[attr-defined]
    clip_grad.clip_grad_value_.__wrapped__.__code__: "clip_grad_value_",  # type: ignore[attr-defined]
}
_lock = threading.RLock()
_listeners: list[weakref.WeakMethod[Listener]] = []
_wrapper: Callable[..., Any] | None = None


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener`, a method, when a script clips, as long as its object lives.

    Returns:
        What ends it.
    """
    global _wrapper
    reference = weakref.WeakMethod(listener, _unlisten)
    with _lock:
        if not _listeners:
            _wrapper = _noticing(getattr(clip_grad, _GROUPING))
            setattr(clip_grad, _GROUPING, _wrapper)
        _listeners.append(reference)
    return functools.partial(_unlisten, reference)


def _unlisten(reference: weakref.WeakMethod[Listener]) -> None:
    with _lock:
        # By identity: references to what has gone are equal to none.
        _listeners[:] = [other for other in _listeners if other is not reference]
        # Whoever wrapped it meanwhile keeps their wrapper; ours then tells nobody.
        if not _listeners and _wrapper and getattr(clip_grad, _GROUPING) is _wrapper:
            setattr(clip_grad, _GROUPING, _wrapper.__wrapped__)  # type: ignore[attr-defined]


def _noticing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def grouping(*args: Any, **kwargs: Any) -> Any:
        # A compiler sees nobody's frames, and would have to stop here.
        if torch.compiler.is_compiling():
            return original(*args, **kwargs)
        frame = sys._getframe(1)
        if _listeners and frame.f_code in _CLIPPING:
            names = frame.f_locals
            # To clip to infinity is to measure.
            if not math.isinf(names.get("max_norm", 0.0)):
                for reference in tuple(_listeners):
                    if (listener := reference()) is not None:
                        listener(names["grads"], _CLIPPING[frame.f_code], *place_outside(frame))
        return original(*args, **kwargs)

    return grouping
