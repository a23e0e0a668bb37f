"""Measures gradients that nobody clips: as often as a small share of the loop's time allows."""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from torch.optim import Optimizer

    from rnnswap.clip._steps import Listener, Step

#: Of the loop's time.
_SHARE = 0.01
_LONGEST = 1000  # steps
#: So many optimizers are measured at their first step, whatever that takes.
_FIRST = 10


class Sampler:
    """Listens to steps and calls another listener at some of them, evenly spread.

    A policy has to act at every step. Where there is none, the norm of the gradients is only to be
    known, and of a small model it takes as long as a tenth of a step: so much may not be spent.

    Args:
        listener: Who measures.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._made = 0
        self._paces: MutableMapping[Optimizer, _Pace] = weakref.WeakKeyDictionary()

    def begin(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Measure, if it is time to; of a step that calls another one, that one is measured."""
        if step.goes_inside:
            return self._listener.begin(step, args, kwargs)
        pace = self._paces.get(step.optimizer)
        if pace is None:
            # Where optimizers are made anew all the time, each tenth is measured at its first step.
            left = self._made % _FIRST if self._made >= _FIRST else 0
            pace = self._paces[step.optimizer] = _Pace(left)
            self._made += 1
        if pace.left > 0:
            pace.left -= 1
            return None
        started = time.perf_counter()
        changed = self._listener.begin(step, args, kwargs)
        pace.measured(started, time.perf_counter())
        return changed

    def end(self, step: Step) -> None:
        """Tell the other."""
        self._listener.end(step)


@dataclass(slots=True)
class _Pace:
    """How many of an optimizer's steps are left out before the next is measured."""

    left: int = 0
    last: int = 0
    #: When the measurement before ended; None before the first, which takes longer than others.
    ended: float | None = None
    cost: float = 0.0

    def measured(self, started: float, ended: float) -> None:
        if self.ended is not None:
            cost, step = ended - started, (started - self.ended) / (self.last + 1)
            # A slow one is the machine's fault rather than the model's.
            self.cost = min(cost, 2 * self.cost) if self.cost else cost
            self.left = min(_LONGEST, int(self.cost / (_SHARE * step))) if step > 0 else 0
        self.last, self.ended = self.left, ended
