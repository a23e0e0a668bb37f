"""Gradients that are infinite or NaN: counted, named, and warned of, raised or skipped.

A tensor on the CPU is asked at once. On another device `warn` copies what it needs to know beside
the loop and reads it at a later step, when it has arrived; `raise` and `skip` have to wait for it.
"""

from __future__ import annotations

import collections
import math
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import torch

from rnnswap.clip import _gradients
from rnnswap.clip._names import names_of
from rnnswap.clip._steps import place_outside
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.optim import Optimizer

#: What to do about gradients that are not finite.
OnNonFinite: TypeAlias = Literal["warn", "raise", "skip"]
#: So many names are said; the others are counted.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of one step's gradients.

    `evidence` is finite where the gradients of `parameters` were, one number for each or for all.
    `excused` is above zero if a GradScaler has found as much and leaves the step out by itself.
    """

    evidence: Tensor
    excused: Tensor | None
    parameters: Sequence[Tensor]
    optimizer: str
    step: int
    #: Ready when the copies to the host have arrived.
    event: Any = None


class NonFinite:
    """Counts the steps whose gradients were not finite, and acts on them.

    Attributes:
        names: The first offending parameters, of the first such step.
    """

    def __init__(self, how: str) -> None:
        if how not in get_args(OnNonFinite):
            raise ClipError(
                f"on_nonfinite is one of {', '.join(get_args(OnNonFinite))}, got {how!r}"
            )
        self.how = how
        self.names: list[str] = []
        self._count = 0
        self._waiting: collections.deque[_Look] = collections.deque()

    @property
    def count(self) -> int:
        """Steps so far whose gradients were not finite; waits for what has not arrived."""
        self.flush()
        return self._count

    def flush(self) -> None:
        """Wait for what has not arrived, and tell of it."""
        self._read_arrived(wait=True)

    def is_to_skip(
        self, evidence: Tensor, parameters: Sequence[Tensor], optimizer: Optimizer, step: int
    ) -> bool:
        """Take note of a step; whether it is to be left out.

        Raises:
            ClipError: Gradients are not finite and that is to raise.
        """
        excused = getattr(optimizer, "found_inf", None)
        look = _Look(evidence, excused, parameters, type(optimizer).__name__, step)
        if self.how == "warn" and not _gradients.can_be_asked(evidence):
            self._read_arrived(wait=False)
            self._waiting.append(_on_the_way(look))
            return False
        return self._judge(look)

    def _read_arrived(self, *, wait: bool) -> None:
        while self._waiting and (wait or self._waiting[0].event.query()):
            look = self._waiting.popleft()
            look.event.synchronize()
            self._judge(look)

    def _judge(self, look: _Look) -> bool:
        """Act on one step's gradients; reads them. True if they are to be left out."""
        # One number is read at every step; which are at fault, at those alone that have any.
        if math.isfinite(look.evidence.sum()):
            return False
        finite = look.evidence.isfinite()
        if finite.all() or (look.excused is not None and look.excused.sum() > 0):
            return False
        self._count += 1
        names = _offending(finite, look.parameters)
        self.names = self.names or names
        words = _in_words(look, names)
        if self.how == "raise":
            raise ClipError(f"{words}; the step was not made")
        # Each, while they are few; a run that is lost shall not drown in warnings.
        if str(self._count).strip("0") in ("1", "2", "5"):
            did = "left out" if self.how == "skip" else "made all the same"
            times = f" ({self._count} steps so far)" if self._count > 1 else ""
            file, line = place_outside(sys._getframe())
            warnings.warn_explicit(f"{words}; the step was {did}{times}", UserWarning, file, line)
        return self.how == "skip"


def _on_the_way(look: _Look) -> _Look:
    """Return what is known as copies on the host, and the event of their arrival."""
    stream = torch.accelerator.current_stream(look.evidence.device)
    event = torch.Event(look.evidence.device)
    excused = None if look.excused is None else look.excused.to("cpu", non_blocking=True)
    evidence = look.evidence.to("cpu", non_blocking=True)
    event.record(stream)
    return _Look(evidence, excused, look.parameters, look.optimizer, look.step, event)


def _offending(finite: Tensor, parameters: Sequence[Tensor]) -> list[str]:
    """Return the names of the parameters that are not finite; empty if none in particular is."""
    if finite.dim() == 0:
        bad = [p.grad is not None and not bool(p.grad.isfinite().all()) for p in parameters]
    else:
        bad = [not f for f in finite.tolist()]
    return [name for name, is_bad in zip(names_of(parameters), bad, strict=True) if is_bad]


def _in_words(look: _Look, names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        shown += f" and {len(names) - _NAMED} more"
    where = f" of {shown}" if names else ""
    return (
        f"gradients{where} are not finite at step {look.step} of {look.optimizer} "
        f"({len(names)} of {len(look.parameters)} parameters)"
    )
