"""Which of the steps under way is the one that a script called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from torch.optim import Optimizer

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from torch import Tensor


def is_outermost(optimizer: Optimizer, *, among_all: bool = True) -> bool:
    """Whether the step whose hook asks is not part of another step on the same parameters.

    A subclass whose step calls `super().step()` runs the hooks of both; an optimizer that wraps
    another one runs those of either. Only the outer one's gradients come from the script.

    Args:
        optimizer: The one whose hook asks.
        among_all: False to look at steps of this very optimizer alone.
    """
    frame = _next_step(sys._getframe(1))
    outer = None if frame is None else _next_step(frame.f_back)
    while outer is not None:
        stepping = outer.f_locals.get("self")
        if stepping is optimizer or (among_all and _shares(stepping, optimizer)):
            return False
        outer = _next_step(outer.f_back)
    return True


def _next_step(frame: FrameType | None) -> FrameType | None:
    """Return the nearest frame outwards that runs the hooks of a step."""
    while frame is not None and frame.f_code is not _STEP:
        frame = frame.f_back
    return frame


def _shares(outer: object, optimizer: Optimizer) -> bool:
    first = next(iter(parameters_of(optimizer)), None)
    return isinstance(outer, Optimizer) and any(p is first for p in parameters_of(outer))


def place_outside(frame: FrameType | None) -> tuple[str, int]:
    """Return file and line of the nearest caller that is neither torch's nor ours: the script's."""
    while frame is not None and _package(frame) in ("torch", "rnnswap"):
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters of all groups."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def _code_of_hooked_step() -> CodeType:
    """Return the code that torch runs around every optimizer's step: the same for all of them."""
    code: CodeType = Optimizer.profile_hook_step(Optimizer.zero_grad).__code__
    return code


_STEP = _code_of_hooked_step()
