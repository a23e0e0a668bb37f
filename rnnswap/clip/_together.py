"""One clipping over several optimizers of one model, such as Muon and AdamW: one bound for all."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NoReturn

from torch.amp import GradScaler

from rnnswap.clip._steps import frame_of, is_as_noted, noted, with_gradient
from rnnswap.clip._turn import Turn, Turns
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.optim import Optimizer

    from rnnswap.clip._handle import ClipHandle
    from rnnswap.clip._steps import Note


class Together:
    """Several optimizers that step one after the other, on gradients that are all there before.

    The first that steps has the gradients of all clipped; those of the others are then left alone
    until they have stepped too.

    Args:
        handle: The clipping.
        optimizers: Two or more.
    """

    def __init__(self, handle: ClipHandle, optimizers: Sequence[Optimizer]) -> None:
        self._handle = handle
        self._members = [weakref.ref(o) for o in optimizers]
        #: The gradients that were clipped before their optimizer's step, as they were left.
        self._ahead: Note = {}
        self._skips = False

    def act(self, optimizer: Optimizer, *, has_closure: bool) -> bool:
        """Clip the gradients of all, if that is not done; whether the step is to be left out.

        Raises:
            ClipError: The gradients of the optimizers are not there at the same moment.
        """
        own = with_gradient(optimizer)
        clipped = [p for p in own if id(p) in self._ahead]
        if clipped and not has_closure:
            self._check(optimizer, clipped)
            for parameter in clipped:
                del self._ahead[id(parameter)]
            return self._skips
        members = [o for member in self._members if (o := member()) is not None]
        for member in members:
            if _is_scaled(member, optimizer):
                self._refuse(member, "a GradScaler has not yet divided")
        others = [p for o in members if o is not optimizer for p in with_gradient(o)]
        self._skips = self._handle.act(optimizer, [*own, *others])
        self._ahead = noted(others)
        return self._skips

    def _check(self, optimizer: Optimizer, clipped: Sequence[Tensor]) -> None:
        if not all(is_as_noted(p, self._ahead) for p in clipped):
            self._ahead.clear()
            self._refuse(optimizer, "something has changed since the step of another")

    def _refuse(self, optimizer: Optimizer, why: str) -> NoReturn:
        raise ClipError(
            f"{self._handle.policy} over {len(self._members)} optimizers bounds gradients that are "
            f"all there before the first of them steps, {why} those of {type(optimizer).__name__}; "
            "call backward, and scaler.unscale_ for each, before that, or attach to each apart"
        )


def _is_scaled(member: Optimizer, stepping: Optimizer) -> bool:
    """Whether the gradients of `member` wait for the GradScaler that steps `stepping`."""
    if getattr(member, "grad_scale", None) is not None:
        return True
    frame = frame_of(GradScaler.step.__code__)
    if frame is None or member is stepping:
        return False
    # Dividing leaves no trace on a gradient: not even its version counter changes.
    states = getattr(frame.f_locals["self"], "_per_optimizer_states", {})
    stage = states[id(member)].get("stage") if id(member) in states else None
    return frame.f_locals["self"].is_enabled() and getattr(stage, "name", "READY") == "READY"


class TurnsTogether(Turns):
    """Lets a clipping act in the steps of one of several optimizers (see `Turns`)."""

    def __init__(self, handle: ClipHandle, owns: Optimizer, together: Together) -> None:
        super().__init__(handle, owns)
        self._together = together

    def _clip(self, optimizer: Optimizer, turn: Turn) -> bool:
        if optimizer is not turn.root.optimizer:
            raise ClipError(
                f"{self._handle.policy} cannot act over several optimizers, because the step of "
                f"{type(turn.root.optimizer).__name__} makes gradients of its own; attach to each "
                "apart"
            )
        return self._together.act(optimizer, has_closure=turn.evaluations > 0)
