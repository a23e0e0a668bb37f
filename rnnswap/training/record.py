"""Records what a training loop does, step by step, without making it wait for its device.

Losses and norms on the CPU are read at once, as nothing waits there; those elsewhere are kept as
tensors and become numbers in batches, a little later.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.weak import WeakTensorKeyDictionary

from rnnswap._wrapping import wrap
from rnnswap.clip._distributed import is_made_to_initialise
from rnnswap.clip._follow import track
from rnnswap.clip._living import living
from rnnswap.clip._steps import part_of_another
from rnnswap.training.clock import Clock
from rnnswap.training.layers import Layers
from rnnswap.training.memory import peak_memory
from rnnswap.training.process.stopping import Stopping
from rnnswap.training.reading import Reading
from rnnswap.training.steps import Step, Summary, Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence

    from torch.optim import Optimizer

    from rnnswap.clip import ClipResult

#: So many steps are read together, or those of so many seconds.
_BATCH, _BATCH_SECONDS = 256, 2.0
#: So many batches may be on their way from a device before the loop waits for the first.
_IN_FLIGHT = 8
#: Peak memory is noted at each so manyth step, the layers' norms after as many steps or more.
_SAMPLED = 10


#: Numbers, a tensor that has them on its device, or None if there are none.
_Kept: TypeAlias = "float | list[float] | Tensor | None"


class Recorder:
    """Records optimizer steps while active; `on_clip` is a clipping's callback.

    Records the whole process: backward, GradScaler.scale and the optimizers' step hooks are
    torch's own again when the recorder ends. A loss is noted as it was before a GradScaler scaled
    it. Memory does not grow with the steps.

    Args:
        sink: Called with batches of steps once their numbers are known, in order.
        max_steps: End the script after so many steps; None for never.
        p: Order of the norms that the clipping measures.
        stopping: What ends it.
    """

    def __init__(
        self,
        sink: Callable[[list[Step]], object] | None = None,
        max_steps: int | None = None,
        p: float = 2.0,
        stopping: Stopping | None = None,
    ) -> None:
        self.sink, self._max_steps, self._p = sink, max_steps, p
        self._stopping = stopping or Stopping()
        self._undo: list[Callable[[], object]] = []
        self._follows = False
        self._unscaled: MutableMapping[Tensor, Tensor] = WeakTensorKeyDictionary()
        self._steppers: MutableMapping[Optimizer, _Stepper] = weakref.WeakKeyDictionary()
        self.restart()

    def restart(self, seconds: float = _BATCH_SECONDS) -> None:
        """Forget what was recorded and start anew, as a forked child does.

        Args:
            seconds: Give steps to the sink when so much time has passed since the last.
        """
        self._batch_seconds = seconds
        self._totals = Totals()
        self._pending: list[_Pending] = []
        self._in_flight: deque[tuple[list[_Pending], Reading]] = deque()
        self._steppers.clear()
        self._numbers = itertools.count()
        # A new one: another thread may have held the parent's.
        self._lock = threading.RLock()
        self._steps = self._backwards = 0
        self._loss: _Kept = None
        self._clock = Clock()
        self._peak_memory: int | None = None
        self._started = self._last_read = time.perf_counter()
        self._last_end: float | None = None
        self._seconds: float | None = None

    def __enter__(self) -> Recorder:
        self._undo = [
            wrap(torch.autograd, "backward", self._noting_backward),
            wrap(torch.amp.GradScaler, "scale", self._noting_scale),
            track(),
            register_optimizer_step_pre_hook(self._before_step).remove,
            register_optimizer_step_post_hook(self._after_step).remove,
        ]
        self._started = self._last_read = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self._seconds = time.perf_counter() - self._started
        while self._undo:
            self._undo.pop()()
        self._follows = False

    def on_clip(self, optimizer: Optimizer, result: ClipResult) -> None:
        """Note one clipping's result; a closure may be evaluated several times in a step."""
        # The step that is recorded may be that of one around it.
        stepper = self._stepper(part_of_another(optimizer) or optimizer)
        stepper.clips.append(
            (_kept(result.norm_before), _kept(result.norm_after), _kept(result.share))
        )
        if self.sink is None or result.norms is None:
            return  # nobody reads the layers
        if self._steps >= stepper.layers_due:
            stepper.layers_due = self._steps + _SAMPLED
            self._follow_modules()
            stepper.note_layers(optimizer, result.norms)

    def _follow_modules(self) -> None:
        """Let the layers of optimizers that are made later be found at once."""
        if not self._follows:
            self._follows = True
            self._undo.append(living.follow(self))

    def summary(self) -> Summary:
        """Return the totals, having given all steps to the sink; waits for the devices."""
        self.flush()
        seconds = time.perf_counter() - self._started if self._seconds is None else self._seconds
        return self._totals.summary(seconds)

    def flush(self) -> None:
        """Give every step recorded so far to the sink; waits for the devices."""
        with self._lock:
            self._read()
            self._drain(leave=0)

    def _stepper(self, optimizer: Optimizer) -> _Stepper:
        found = self._steppers.get(optimizer)
        if found is None:
            number = next(self._numbers)
            # Where optimizers are made anew all the time, each tenth is measured at its first step.
            due = self._steps + number % _SAMPLED if number >= _SAMPLED else 0
            found = self._steppers[optimizer] = _Stepper(number, layers_due=due)
        return found

    def _before_step(self, optimizer: Optimizer, *_: object) -> None:
        if not _counts(optimizer):
            return
        stepper = self._stepper(optimizer)
        self._clock.end(stepper.stepping)  # of a step that raised
        stepper.stepping = self._clock.begin("optimizer")

    def _after_step(self, optimizer: Optimizer, *_: object) -> None:
        if not _counts(optimizer):
            return
        with self._lock:
            self._clock.end(self._stepper(optimizer).stepping)
            now = time.perf_counter()
            self._pending.append(self._recorded(optimizer, now))
            if len(self._pending) >= _BATCH or now - self._last_read > self._batch_seconds:
                self._read()
                self._drain(leave=_IN_FLIGHT)
            self._last_end = now
        if self._max_steps is not None and self._steps >= self._max_steps:
            self._stopping.stop()

    def _recorded(self, optimizer: Optimizer, now: float) -> _Pending:
        self._steps += 1
        if self._steps % _SAMPLED == 1:
            self._peak_memory = peak_memory(optimizer)
        stepper = self._stepper(optimizer)
        clips, stepper.clips = stepper.clips, []
        layers, stepper.layers = stepper.layers, None
        fresh, stepper.backwards = stepper.backwards != self._backwards, self._backwards
        step = Step(
            self._steps,
            stepper.number,
            now - self._started,
            None if self._last_end is None else now - self._last_end,
            *self._clock.spent(),
            peak_memory=self._peak_memory,
        )
        return _Pending(step, self._loss if fresh else None, clips, layers)

    def _read(self) -> None:
        """Send the pending steps' numbers on their way."""
        self._last_read = time.perf_counter()
        if self._pending:
            reading = Reading(t for pending in self._pending for t in pending.tensors())
            self._in_flight.append((self._pending, reading))
            self._pending = []

    def _drain(self, leave: int) -> None:
        """Give to the sink what has arrived; wait for all but the last `leave` batches."""
        while self._in_flight:
            batch, reading = self._in_flight[0]
            if len(self._in_flight) <= leave and not reading.arrived():
                return
            self._in_flight.popleft()
            numbers = iter(reading.numbers())
            steps = [pending.finished(numbers, self._p) for pending in batch]
            for step in steps:
                self._totals.add(step)
            if self.sink is not None:
                self.sink(steps)

    def _noting_backward(self, original: Callable[..., None]) -> Callable[..., None]:
        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> None:
            begun = self._clock.begin("backward")
            try:
                original(tensors, grad_tensors, *args, **kwargs)
            finally:
                self._clock.end(begun)
            if grad_tensors is None:
                self._note_loss((tensors,) if isinstance(tensors, Tensor) else tuple(tensors))

        return backward

    def _note_loss(self, tensors: tuple[Any, ...]) -> None:
        """Keep the loss: the sum, if backward was called on several scalars at once."""
        if not tensors or not all(isinstance(t, Tensor) and t.numel() == 1 for t in tensors):
            return
        # Looking a tensor up costs more than the rest.
        losses = [self._unscaled.get(t, t) for t in tensors] if self._unscaled else tensors
        self._loss = _kept(losses[0] if len(losses) == 1 else _sum(losses))
        self._backwards += 1

    def _noting_scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def scale(scaler: torch.amp.GradScaler, outputs: Any) -> Any:
            scaled = original(scaler, outputs)
            if isinstance(outputs, Tensor) and scaled is not outputs:
                self._unscaled[scaled] = outputs.detach()
            return scaled

        return scale


@dataclass(slots=True)
class _Stepper:
    """An optimizer: its number, how many backwards there were at its last step, its clippings."""

    number: int
    #: What ends the time of the step under way.
    stepping: object = None
    backwards: int = 0
    clips: list[tuple[_Kept, ...]] = field(default_factory=list)
    layers: tuple[Layers, _Kept] | None = None
    layers_due: int = 0
    known: Layers | None = None

    def note_layers(self, optimizer: Optimizer, norms: Tensor) -> None:
        """Keep the norms of the gradients; the step's parameters are those that have one."""
        parameters = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if len(parameters) != norms.numel():
            return  # such as a step that is skipped
        if self.known is None or not self.known.are_of(parameters):
            self.known = Layers(parameters)
        self.layers = self.known, _kept(norms)


@dataclass(slots=True)
class _Pending:
    """A step, some of whose numbers are still tensors: its loss, and three of each clipping."""

    step: Step
    loss: _Kept
    clips: list[tuple[_Kept, ...]]
    layers: tuple[Layers, _Kept] | None

    def tensors(self) -> Iterable[Tensor]:
        kept = itertools.chain((self.loss,), *self.clips, self.layers or ())
        return (value for value in kept if isinstance(value, Tensor))

    def finished(self, numbers: Iterator[list[float]], p: float) -> Step:
        """Fill in the numbers, those of `tensors` in their order; of clippings the last counts."""

        def one(kept: _Kept) -> float | None:
            if isinstance(kept, Tensor):
                (kept,) = next(numbers)
            return None if isinstance(kept, list) else kept

        step = self.step
        step.loss = one(self.loss)
        for clip in self.clips:
            step.norm_before, step.norm_after, step.share = map(one, clip)
            step.clipped |= bool(step.share)
        if self.layers is not None:
            layers, norms = self.layers
            norms = next(numbers) if isinstance(norms, Tensor) else norms
            if norms is not None:
                step.layers = layers.norms(norms if isinstance(norms, list) else [norms], p)
        step.drop_nonfinite()
        return step


def _counts(optimizer: Optimizer) -> bool:
    """Whether a step is one of the script's: not a base class's, or of an optimizer inside."""
    return part_of_another(optimizer) is None and not is_made_to_initialise()


def _kept(value: Tensor) -> _Kept:
    """Return what can be kept of a tensor of a few elements: numbers, or a copy where it is.

    A copy, as the script may go on to change its loss in place. None of what has no number.
    """
    if type(value) not in (Tensor, torch.nn.Parameter):
        if not hasattr(value, "to_local"):
            return None  # such as a fake tensor's
        # A DTensor would have to be gathered, by all processes at the same moment.
        value = value.to_local()
    if _is_read_at_once(value):
        numbers: float | list[float] = value.item() if value.numel() == 1 else value.tolist()
        return numbers
    return None if value.is_meta else value.detach().clone()


def _is_read_at_once(value: Tensor) -> bool:
    return value.is_cpu


def _sum(losses: Sequence[Tensor]) -> Tensor:
    with torch.no_grad():
        return torch.stack([loss.reshape(()).to(losses[0].device) for loss in losses]).sum()
