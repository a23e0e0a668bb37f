"""Who listens to the steps of optimizers, and how their step functions are followed.

torch wraps the step of each class that is constructed; the function inside that wrapper is
replaced, so that also those are followed who kept the wrapper or wrapped it, as schedulers do. The
step of a base class may have no such wrapper; there the class's attribute is replaced.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from rnnswap.clip import _inside
from rnnswap.clip._steps import LeftOut, Listener, Step, innermost, run
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from types import CellType

    from torch.utils.hooks import RemovableHandle

    from rnnswap.clip._steps import StepArguments

_StepFunction = Callable[..., Any]

_lock = threading.RLock()
#: Who listens to all optimizers.
_to_all: list[Listener] = []
#: How many want steps to be followed.
_wanting = 0
#: The step function of each class that was looked at, as it is now, and whether it is followed.
_seen: dict[type, tuple[_StepFunction, bool]] = {}
#: What puts the functions back.
_undo: list[Callable[[], None]] = []


def listen_to_all(listener: Listener) -> Callable[[], object]:
    """Call `listener` in the steps of every optimizer; return what ends it."""
    end = _listen(register_optimizer_step_pre_hook(_Hook(listener)), _want())
    _to_all.append(listener)

    def undo() -> None:
        _to_all.remove(listener)
        end()

    return undo


def listen_to(listener: Listener, optimizer: Optimizer) -> Callable[[], object]:
    """Call `listener` in the steps of `optimizer` and those inside; return what ends it.

    The listener lives as long as the optimizer.
    """
    end = weakref.finalize(optimizer, _want())
    end.atexit = False
    return _listen(optimizer.register_step_pre_hook(_Hook(listener)), end)


def track() -> Callable[[], object]:
    """Know of each thread's steps which is part of which; return what ends it."""
    return _listen(register_optimizer_step_pre_hook(_Hook(None)), _want())


def _listen(hook: RemovableHandle, end: Callable[[], object]) -> Callable[[], object]:
    def undo() -> None:
        hook.remove()
        end()

    return undo


def _want() -> Callable[[], None]:
    """Let steps be followed; the last who ends it puts every function back."""
    global _wanting
    with _lock:
        _wanting += 1

    def end() -> None:
        global _wanting
        with _lock:
            _wanting -= 1
            if not _wanting:
                _seen.clear()
                while _undo:
                    _undo.pop()()

    return end


class _Hook:
    """A step pre-hook: sees to it that the step that begins is followed.

    Where that cannot be done it calls its own listener, as if no step were called inside.
    """

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener

    def __call__(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> StepArguments | None:
        if self.listener is None or _is_followed(type(optimizer)) or _is_base_step(optimizer):
            return None
        step = Step(optimizer, type(optimizer).step)
        step.goes_inside = False
        try:
            return self.listener.begin(step, args, kwargs)
        except LeftOut as left:
            raise ClipError(
                f"a step of {type(optimizer).__name__} cannot be left out, because something has "
                "replaced its step function; use on_nonfinite='raise' or 'warn'"
            ) from left
        finally:
            step.forget()


def _is_base_step(optimizer: Optimizer) -> bool:
    """Whether the step whose hook asks is called by another step of the same optimizer."""
    frame, steps = sys._getframe(1).f_back, 0
    while frame is not None and steps < 2:
        steps += frame.f_code is _HOOKED and frame.f_locals.get("self") is optimizer
        frame = frame.f_back
    return steps > 1


def _listeners(step: Step) -> list[Listener]:
    """Return who listens: to all, to this optimizer, to one inside whose step this is."""
    hooks = step.optimizer._optimizer_step_pre_hooks.values()
    found = [*_to_all, *(h.listener for h in hooks if isinstance(h, _Hook) and h.listener)]
    if step.outer is not None:
        found += [listener for listener in step.outer.listeners if listener not in found]
    return found


def _is_followed(kind: type) -> bool:
    """Follow the step of a class, and those of its bases; whether that could be done."""
    followed = True
    for base in kind.__mro__:
        function = vars(base).get("step")
        if function is None or base is Optimizer:
            continue
        if base not in _seen or _seen[base][0] is not function:
            with _lock:
                done = _follow(base, function)
                _seen[base] = vars(base)["step"], done
        followed &= _seen[base][1]
    return followed


def _follow(owner: Any, function: _StepFunction) -> bool:
    """Replace the step function of a class by one that is followed, if it can be found."""
    cell = _cell_in(function)
    if cell is None and getattr(function, "hooked", False):
        return False
    original = function if cell is None else cell.cell_contents
    if getattr(original, "__code__", None) is _FOLLOWED:
        return True
    ours = _followed(original)
    if cell is None:
        owner.step = ours
    else:
        cell.cell_contents = ours
    _undo.append(functools.partial(_put_back, owner, ours, original))
    return True


def _put_back(owner: Any, ours: _StepFunction, original: _StepFunction) -> None:
    """Put a step function back, wherever ours is now: torch may have wrapped it meanwhile."""
    function = vars(owner)["step"]
    cell = _cell_in(function)
    if function is ours:
        owner.step = original
    elif cell is not None and cell.cell_contents is ours:
        cell.cell_contents = original


def _followed(function: _StepFunction) -> _StepFunction:
    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        # Kept by somebody who wrapped it, or the base's of one whose own step is not followed.
        if not _wanting or not _is_followed(type(args[0])):
            return function(*args, **kwargs)
        begun = Step(args[0], function, innermost())
        begun.listeners = _listeners(begun)
        if begun.goes_inside:
            for held in _inside.held_by(begun.optimizer):
                _is_followed(type(held))
        return run(begun, function, args, kwargs)

    return step


def _cell_in(function: Any) -> CellType | None:
    """Return where torch's wrapper, among those around a step function, keeps what it wraps."""
    waiting, seen = [function], set()
    while waiting:
        function = waiting.pop()
        code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
        if code is None or function in seen:
            continue
        seen.add(function)
        if code is _HOOKED and "func" in code.co_freevars:
            cell: CellType = cells[code.co_freevars.index("func")]  # type: ignore[index]
            return cell
        waiting += [getattr(function, "__wrapped__", None), *map(_contents, cells or ())]
    return None


def _contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None


#: The code that torch runs around every optimizer's step: the same for all of them.
_HOOKED = Optimizer.profile_hook_step(Optimizer.zero_grad).__code__
#: The code of every function that is followed.
_FOLLOWED = _followed(Optimizer.zero_grad).__code__
