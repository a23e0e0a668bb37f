"""Records what a training loop does, without making it wait for its device.

Losses and norms are kept and added up as tensors where they are; they become numbers once, in
`Recorder.summary`, when the loop is over.
"""

from __future__ import annotations

import functools
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.weak import WeakTensorKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from torch.optim import Optimizer

    from rnnswap.clip import ClipResult

#: How many 0-d tensors wait on a device until they are added up together.
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened while a recorder was active; None for what never happened.

    Args:
        steps: Optimizer steps, of all optimizers.
        seconds: From the recorder's start to its end.
        first_loss: The scalar that the first backward was called on.
        last_loss: The scalar that the last backward was called on.
        clipped_steps: Steps in which clipping changed a gradient.
        norm_before: Mean of the finite gradient norms before clipping.
        norm_after: Their mean after clipping.
        nonfinite: Clippings whose norm was infinite or NaN, before or after.
    """

    steps: int
    seconds: float
    first_loss: float | None = None
    last_loss: float | None = None
    clipped_steps: int = 0
    norm_before: float | None = None
    norm_after: float | None = None
    nonfinite: int = 0


class Recorder:
    """Counts optimizer steps and notes losses while active; `on_clip` is a clipping's callback.

    Records the whole process: backward, GradScaler.scale and the optimizers' step hook are torch's
    own again when the recorder ends. A loss is noted as it was before a GradScaler scaled it.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self._started = self._seconds = 0.0
        self._steps = 0
        self._first_loss: Tensor | None = None
        self._last_loss: Tensor | None = None
        self._unscaled: MutableMapping[Tensor, Tensor] = WeakTensorKeyDictionary()
        self._totals: dict[torch.device, _Totals] = {}
        self._clipped: MutableMapping[Optimizer, Tensor] = weakref.WeakKeyDictionary()

    def __enter__(self) -> Recorder:
        self._undo = [
            _wrap(torch.autograd, "backward", self._noting_backward),
            _wrap(torch.amp.GradScaler, "scale", self._noting_scale),
            register_optimizer_step_post_hook(self._after_step).remove,
        ]
        self._started = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self._seconds = time.perf_counter() - self._started
        while self._undo:
            self._undo.pop()()

    def on_clip(self, optimizer: Optimizer, result: ClipResult) -> None:
        """Add one clipping's result to the totals."""
        self._totals_on(result.norm_before.device).add(result.norm_before, result.norm_after)
        # A closure may be evaluated several times in a step: clipped once is clipped.
        earlier = self._clipped.get(optimizer)
        self._clipped[optimizer] = (
            result.clipped if earlier is None else torch.logical_or(earlier, result.clipped)
        )

    def summary(self) -> Summary:
        """Return the numbers; waits for the devices, so call it when the loop is over."""
        rows = [t.read() for t in self._totals.values()] or [[0.0] * 5]
        before, after, finite, nonfinite, clipped = (sum(c) for c in zip(*rows, strict=True))
        return Summary(
            steps=self._steps,
            seconds=self._seconds,
            first_loss=_number(self._first_loss),
            last_loss=_number(self._last_loss),
            clipped_steps=int(clipped),
            norm_before=before / finite if finite else None,
            norm_after=after / finite if finite else None,
            nonfinite=int(nonfinite),
        )

    def _totals_on(self, device: torch.device) -> _Totals:
        if device not in self._totals:
            self._totals[device] = _Totals(device)
        return self._totals[device]

    def _after_step(self, optimizer: Optimizer, *_: object) -> None:
        self._steps += 1
        clipped = self._clipped.pop(optimizer, None)
        if clipped is not None:
            self._totals_on(clipped.device).add_step(clipped)

    def _noting_backward(self, original: Callable[..., None]) -> Callable[..., None]:
        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> None:
            original(tensors, grad_tensors, *args, **kwargs)
            if grad_tensors is None:
                self._note_loss((tensors,) if isinstance(tensors, Tensor) else tuple(tensors))

        return backward

    def _note_loss(self, tensors: tuple[Any, ...]) -> None:
        """Keep the loss: the sum, if backward was called on several scalars at once."""
        if not tensors or not all(isinstance(t, Tensor) and t.numel() == 1 for t in tensors):
            return
        first, *others = (self._unscaled.get(t, t).detach().reshape(()) for t in tensors)
        # A copy: the script may go on to change its loss in place.
        loss = first.clone()
        for other in others:
            loss += other.to(loss.device)
        self._last_loss = loss
        if self._first_loss is None:
            self._first_loss = loss

    def _noting_scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def scale(scaler: torch.amp.GradScaler, outputs: Any) -> Any:
            scaled = original(scaler, outputs)
            if isinstance(outputs, Tensor) and scaled is not outputs:
                self._unscaled[scaled] = outputs.detach()
            return scaled

        return scale


class _Totals:
    """Sums on one device: norms before and after, finite and non-finite results, clipped steps.

    Added up in batches: a dozen small operations every step would be felt by a small model.
    """

    def __init__(self, device: torch.device) -> None:
        # MPS has no float64; elsewhere a million steps add up without losing digits.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(5, dtype=dtype, device=device)
        self._norms: list[Tensor] = []
        self._clipped: list[Tensor] = []

    def add(self, before: Tensor, after: Tensor) -> None:
        self._norms += (before, after)
        self._add_up_if_long()

    def add_step(self, clipped: Tensor) -> None:
        self._clipped.append(clipped)
        self._add_up_if_long()

    def read(self) -> list[float]:
        """Return the sums; waits for the device."""
        self._add_up()
        sums: list[float] = self._sums.tolist()
        return sums

    def _add_up_if_long(self) -> None:
        if len(self._norms) + len(self._clipped) >= _BATCH:
            self._add_up()

    def _add_up(self) -> None:
        if self._norms:
            norms = torch.stack(self._norms).to(self._sums.dtype).reshape(-1, 2)
            finite = norms.isfinite().all(dim=1)
            self._sums[:2] += torch.where(finite[:, None], norms, 0.0).sum(dim=0)
            self._sums[2] += finite.sum()
            self._sums[3] += (~finite).sum()
        if self._clipped:
            self._sums[4] += torch.stack(self._clipped).sum()
        self._norms, self._clipped = [], []


def _wrap(
    owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[[], None]:
    """Replace the function `owner.name` and return what puts the very same one back."""
    original = getattr(owner, name)
    wrapper = functools.wraps(original)(make(original))
    setattr(owner, name, wrapper)

    def undo() -> None:
        # Whoever wrapped it meanwhile keeps their wrapper, and through it ours.
        if getattr(owner, name) is wrapper:
            setattr(owner, name, original)

    return undo


def _number(loss: Tensor | None) -> float | None:
    return None if loss is None else float(loss)
