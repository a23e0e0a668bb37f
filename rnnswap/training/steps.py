"""What is known of one optimizer step, and what many of them add up to. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """One optimizer step, as `metrics.jsonl` has it; docs/training.md describes every field.

    Args:
        step: Its number among the steps of all optimizers, from 1.
        optimizer: Its optimizer's number, from 0, in the order of their first steps.
        time: Seconds from the start of the run to the step's end.
        seconds: Since the step before ended; None for the first.
        backward_seconds: Of these, in backward passes; of the first, since the start.
        optimizer_seconds: Of these, in optimizers' steps, clipping included.
        loss: The last scalar that backward was called on since this optimizer's step before.
        norm_before: The gradients' norm before clipping: the one the policy bounds, or the 2-norm.
        norm_after: The same after clipping.
        share: Share of the gradients' elements that clipping changed.
        clipped: Whether clipping changed any.
        nonfinite: Which of the numbers were infinite or NaN, and are None for it.
        peak_memory: Bytes: of the parameters' device, of the process on the CPU.
        layers: Norm of the gradients before clipping, layer by layer; None if not measured.
    """

    step: int
    optimizer: int
    time: float
    seconds: float | None = None
    backward_seconds: float = 0.0
    optimizer_seconds: float = 0.0
    loss: float | None = None
    norm_before: float | None = None
    norm_after: float | None = None
    share: float | None = None
    clipped: bool = False
    nonfinite: list[str] = field(default_factory=list)
    peak_memory: int | None = None
    layers: dict[str, float | None] | None = None

    def drop_nonfinite(self) -> None:
        """Set numbers that are infinite or NaN to None and list them: JSON has no such numbers."""
        for name in ("loss", "norm_before", "norm_after", "share"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                setattr(self, name, None)
                self.nonfinite.append(name)
        if self.layers is not None:
            self.layers = {
                name: norm if norm is not None and math.isfinite(norm) else None
                for name, norm in self.layers.items()
            }


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened while a recorder was active; None for what never happened.

    Args:
        steps: Optimizer steps, of all optimizers.
        seconds: From the recorder's start to its end.
        first_loss: The loss of the first step that had one, infinite and NaN ones apart.
        last_loss: The loss of the last such step.
        clipped_steps: Steps in which clipping changed a gradient.
        share: Mean share of the gradients' elements that clipping changed.
        norm_before: Mean of the finite gradient norms before clipping.
        norm_after: Their mean after clipping.
        nonfinite: Steps whose gradient norm was infinite or NaN, before or after clipping.
        step_seconds: Mean time from one step's end to the next one's.
        backward_share: Share of that time in backward passes.
        optimizer_share: Share of that time in the optimizers' steps, clipping included.
        peak_memory: Bytes, as in `Step`.
        optimizers: How many optimizers made them.
    """

    steps: int
    seconds: float
    first_loss: float | None = None
    last_loss: float | None = None
    clipped_steps: int = 0
    share: float | None = None
    norm_before: float | None = None
    norm_after: float | None = None
    nonfinite: int = 0
    step_seconds: float | None = None
    backward_share: float | None = None
    optimizer_share: float | None = None
    peak_memory: int | None = None
    optimizers: int = 0


class Totals:
    """Adds up steps; its size does not grow with them."""

    def __init__(self) -> None:
        self.steps = self.clipped = self.nonfinite = self._optimizers = 0
        self._finite = self._shares = self._timed = 0
        self._before = self._after = self._share = 0.0
        self._seconds = self._backward = self._optimizer = 0.0
        self._first_loss: float | None = None
        self._last_loss: float | None = None
        self._peak_memory: int | None = None

    def add(self, step: Step) -> None:
        """Add one step, whose numbers that are not finite have been dropped."""
        self.steps += 1
        self._optimizers = max(self._optimizers, step.optimizer + 1)  # they are numbered
        self.clipped += step.clipped
        self._add_gradient(step)
        if step.loss is not None:
            self._last_loss = step.loss
            if self._first_loss is None:
                self._first_loss = step.loss
        if step.peak_memory is not None:
            self._peak_memory = max(step.peak_memory, self._peak_memory or 0)
        # The first step's time is the time of everything before the loop as well.
        if step.seconds is not None:
            self._timed += 1
            self._seconds += step.seconds
            self._backward += step.backward_seconds
            self._optimizer += step.optimizer_seconds

    def summary(self, seconds: float) -> Summary:
        """Return what was added up so far; `seconds` is how long it took."""
        finite, whole = self._finite, self._seconds
        return Summary(
            steps=self.steps,
            seconds=seconds,
            first_loss=self._first_loss,
            last_loss=self._last_loss,
            clipped_steps=self.clipped,
            share=self._share / self._shares if self._shares else None,
            norm_before=self._before / finite if finite else None,
            norm_after=self._after / finite if finite else None,
            nonfinite=self.nonfinite,
            step_seconds=whole / self._timed if self._timed else None,
            backward_share=self._backward / whole if whole else None,
            optimizer_share=self._optimizer / whole if whole else None,
            peak_memory=self._peak_memory,
            optimizers=self._optimizers,
        )

    def _add_gradient(self, step: Step) -> None:
        if step.share is not None:
            self._shares += 1
            self._share += step.share
        if step.norm_before is not None and step.norm_after is not None:
            self._finite += 1
            self._before += step.norm_before
            self._after += step.norm_after
        elif {"norm_before", "norm_after"}.intersection(step.nonfinite):
            self.nonfinite += 1
