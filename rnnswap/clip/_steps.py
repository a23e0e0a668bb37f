"""The steps of optimizers that are under way, one inside another, and who is called in them.

torch calls hooks before and after a step, but not inside it: a subclass whose step calls
`super().step()` finishes the gradients between the two, and no hook can leave a step out. So the
functions themselves that torch's hooks are around are followed, as long as somebody listens.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from torch.optim import Optimizer

from rnnswap.clip import _inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import FrameType

    from torch import Tensor

StepArguments: TypeAlias = "tuple[tuple[Any, ...], dict[str, Any]]"
#: By a parameter's identity: its gradient and how often that was written to.
Note: TypeAlias = "dict[int, tuple[Tensor | None, int]]"


class Listener(Protocol):
    """Who is called in the steps of optimizers."""

    def begin(
        self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> StepArguments | None:
        """Be called before a step's function; the arguments returned replace the others."""

    def end(self, step: Step) -> None:
        """Be called after it, unless it raised."""


class LeftOut(BaseException):
    """Ends a step that is left out, from anywhere inside it; no `except Exception` stops it.

    Args:
        step: The step to end.
        loss: What it returns: what its closure has returned, or None.
    """

    def __init__(self, step: Step, loss: object) -> None:
        super().__init__("a step is left out")
        self.step, self.loss = step, loss


class Step:
    """One call of a step function, from its beginning to its end.

    Attributes:
        optimizer: Whose step it is.
        outer: The step inside which it is called, None if there is none.
        goes_inside: Whether a step called inside this one is expected to use the gradients.
        went_inside: Whether one was called.
        misled: Whether one was expected and not called, so that none is expected from now on.
        listeners: Who is called in it.
        kept: What each listener keeps of it, by the listener's identity.
    """

    def __init__(
        self, optimizer: Optimizer, function: Callable[..., Any], outer: Step | None = None
    ) -> None:
        self.optimizer, self.outer = optimizer, outer
        self.goes_inside = _inside.is_expected(optimizer, function)
        self.went_inside = self.misled = False
        self.listeners: Sequence[Listener] = ()
        self.kept: dict[int, Any] = {}
        self._function = function
        self._parts: dict[int, bool] = {id(optimizer): True}
        self._noted: Note = {}
        if self.goes_inside:
            self.note()

    def note(self) -> None:
        """Note the gradients as they are, to know later which the step has changed."""
        held = _inside.held_by(self.optimizer)
        self._noted = noted(p for o in (self.optimizer, *held) for p in parameters_of(o))

    def changed(self, parameters: Iterable[Tensor]) -> list[Tensor]:
        """Return those whose gradient is not as it was noted."""
        return [p for p in parameters if not is_as_noted(p, self._noted)]

    def has_part(self, optimizer: Optimizer) -> bool:
        """Whether a step of `optimizer`, called now, is part of this one.

        It is if both share a parameter, or if this one has made the gradients that the other uses:
        those of its own float32 copies of half precision parameters, for example.
        """
        found = self._parts.get(id(optimizer))
        if found is None:
            own = {id(p) for p in parameters_of(self.optimizer)}
            others = parameters_of(optimizer)
            found = any(id(p) in own for p in others)
            if not found and others and all(id(p) in self._noted for p in others):
                made = any(p.grad is not None for p in self.changed(others))
                # What writes to `.grad.data` can be seen the first time alone.
                found = made or _inside.is_part(self.optimizer, optimizer)
                if made:
                    _inside.learn_part(self.optimizer, optimizer)
            self._parts[id(optimizer)] = found
        return found

    def forget(self) -> None:
        """Let go of gradients, and of what listeners keep, which may have the step itself."""
        self.kept.clear()
        self._noted.clear()

    def goes_in(self) -> None:
        """Learn that a step was called inside this one."""
        self.went_inside = True
        _inside.learn(self.optimizer, self._function, goes_inside=True)

    def finish(self) -> None:
        """Learn from the step's end."""
        if self.goes_inside and not self.went_inside:
            self.misled = not _inside.learn(self.optimizer, self._function, goes_inside=False)


def noted(parameters: Iterable[Tensor]) -> Note:
    """Return what tells later whether the gradients of `parameters` were replaced or written to."""
    return {id(p): (p.grad, -1 if p.grad is None else p.grad._version) for p in parameters}


def is_as_noted(parameter: Tensor, note: Note) -> bool:
    """Whether the gradient of `parameter` is the one that was noted, and not written to since."""
    grad, version = note.get(id(parameter), (None, -2))
    return parameter.grad is grad and version == (-1 if grad is None else grad._version)


def outermost(step: Step) -> Step:
    """Return the step that a script called, of which `step` is a part."""
    root, outer = step, step.outer
    while outer is not None:
        if outer.has_part(root.optimizer):
            root = outer
        outer = outer.outer
    return root


def innermost() -> Step | None:
    """Return the step under way in this thread, None if there is none."""
    under_way: Step | None = getattr(_here, "step", None)
    return under_way


def part_of_another(optimizer: Optimizer) -> Optimizer | None:
    """Return whose step a step of `optimizer`, called now, is a part of; None if of no other."""
    step, root = innermost(), None
    while step is not None:
        if step.has_part(optimizer if root is None else root):
            root = step.optimizer
        step = step.outer
    return root


def run(
    step: Step, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a step function as the step that is under way, its listeners around it."""
    outer = step.outer
    while outer is not None:
        if outer.has_part(step.optimizer):
            outer.goes_in()
        outer = outer.outer
    _here.step = step
    try:
        for listener in step.listeners:
            args, kwargs = listener.begin(step, args, kwargs) or (args, kwargs)
        result = function(*args, **kwargs)
        step.finish()
        for listener in step.listeners:
            listener.end(step)
    except LeftOut as left:
        if left.step is not step:
            raise
        return left.loss
    finally:
        _here.step = step.outer
        step.forget()
    return result


def place_outside(frame: FrameType | None) -> tuple[str, int]:
    """Return file and line of the nearest caller that is neither torch's nor ours: the script's."""
    while frame is not None and package_of(frame) in ("torch", "rnnswap"):
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def frame_of(code: object) -> FrameType | None:
    """Return the frame that runs `code`, of torch, and has called us; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and package_of(frame) in ("torch", "rnnswap"):
        if frame.f_code is code:
            return frame
        frame = frame.f_back
    return None


def package_of(frame: FrameType) -> str:
    """Return the name of the package whose code a frame runs."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters of all groups."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def with_gradient(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters that have a gradient."""
    return [p for p in parameters_of(optimizer) if p.grad is not None]


_here = threading.local()
