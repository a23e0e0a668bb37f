"""Replaces the constructor of a class, for as long as somebody wants it, and puts it back."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import nn

from rnnswap.errors import SwapError
from rnnswap.patch._as_lstm import cell_of
from rnnswap.patch._replacement import Replacement, describe, in_one_line, reason_left
from rnnswap.patch._table import table

#: A glob on the constructing module's name, or a predicate on (module, file, line).
Where = str | Callable[[str, str, int], bool]


@dataclass(frozen=True, slots=True)
class Construction:
    """One layer constructed while a patch was active: where, and what became of it."""

    file: str
    line: int
    before: str
    after: str
    parameters: int


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """One layer that was left as it is: where, and why."""

    file: str
    line: int
    before: str
    reason: str


@dataclass(slots=True, repr=False)
class PatchReport:
    """What a `patched` block constructed; printed, a table.

    Attributes:
        cell: The cell's name.
        swapped: Every layer that became the cell.
        left: Every other construction of the source class, with the reason.
    """

    cell: str
    swapped: list[Construction] = field(default_factory=list)
    left: list[LeftAlone] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.swapped)} swapped, {len(self.left)} left"]
        swapped = [
            (f"{c.file}:{c.line}", c.before, c.after, str(c.parameters)) for c in self.swapped
        ]
        lines += table(("swapped", "before", "after", "parameters"), swapped)
        left = [(f"{c.file}:{c.line}", c.before, c.reason) for c in self.left]
        lines += table(("left", "module", "reason"), left)
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(eq=False, slots=True)
class Session:
    """One running patch."""

    report: PatchReport
    pairs: tuple[Replacement, ...]
    where: Where | None

    def wants(self, module: str, file: str, line: int) -> bool:
        if self.where is None:
            return True
        if isinstance(self.where, str):
            return fnmatch.fnmatchcase(module, self.where)
        return bool(self.where(module, file, line))

    def construct(
        self,
        layer: nn.Module,
        pair: Replacement,
        original: Callable[..., None],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        place: tuple[str, int],
    ) -> None:
        before = describe(pair.source, args, kwargs)
        if pair.target is None or pair.target is pair.source:
            original(layer, *args, **kwargs)
        else:
            _become(layer, pair, args, kwargs)
        if pair.target is None:
            reason = reason_left(pair.source, self.pairs) or ""
            self.report.left.append(LeftAlone(*place, before, reason))
            return
        count = sum(p.numel() for p in layer.parameters())
        self.report.swapped.append(Construction(*place, before, in_one_line(layer), count))


def _become(
    layer: nn.Module, pair: Replacement, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Turn the empty object `layer` into the cell and initialise it as such."""
    assert pair.target is not None
    pair.refuse_unsupported(args, kwargs)
    before = type(layer)
    try:
        layer.__class__ = pair.target
    except TypeError as error:
        raise SwapError(
            f"{pair.target.__name__} cannot take the place of {pair.source.__name__}: {error}"
        ) from error
    try:
        pair.target.__init__(layer, *args, **kwargs, **pair.options)
    except BaseException:
        layer.__class__ = before
        raise


@dataclass(frozen=True, slots=True)
class _Replaced:
    """What a wrapper stands for."""

    original: Callable[..., None]
    inherited: bool


class Constructor:
    """The replaced constructor of one class, shared by all sessions that intercept it."""

    _all: dict[type, Constructor] = {}  # noqa: RUF012  (one per class, process wide by intent)
    _lock = threading.RLock()
    _busy = threading.local()

    def __init__(self, source: type[nn.Module]) -> None:
        self.source = source
        self.sessions: tuple[Session, ...] = ()  # replaced as a whole: read without the lock
        #: Every wrapper of ours that somebody may still hold.
        self.wrappers: MutableMapping[Any, _Replaced] = weakref.WeakKeyDictionary()
        self.wrapper: Any = None

    @classmethod
    def of(cls, source: type[nn.Module]) -> Constructor:
        with cls._lock:
            return cls._all.setdefault(source, cls(source))

    def enter(self, session: Session) -> None:
        with self._lock:
            # Somebody may have put a constructor over ours, or the original back over our heads:
            # ours goes on top again. One of ours that is below then hands everything through.
            if self.source.__init__ is not self.wrapper:
                original = self.source.__init__
                self.wrapper = self._wrapper(original)
                inherited = "__init__" not in vars(self.source)
                self.wrappers[self.wrapper] = _Replaced(original, inherited)
                self.source.__init__ = self.wrapper  # type: ignore[method-assign]
            self.sessions += (session,)

    def leave(self, session: Session) -> None:
        with self._lock:
            self.sessions = tuple(s for s in self.sessions if s is not session)
            # A constructor that somebody put around ours is not ours to remove.
            if not self.sessions and vars(self.source).get("__init__") is self.wrapper:
                self._put_back()

    def _put_back(self) -> None:
        below = self.wrappers[self.wrapper]
        while below.original in self.wrappers:  # left behind under somebody's, who is gone
            below = self.wrappers[below.original]
        if below.inherited:
            del self.source.__init__
        else:
            self.source.__init__ = below.original  # type: ignore[method-assign]
        self.wrapper = None

    def _wrapper(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def __init__(layer: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            sessions = self.sessions
            # Busy: a cell that builds an LSTM inside itself means a real one.
            if not sessions or getattr(self._busy, "now", False):
                original(layer, *args, **kwargs)
                return
            self._busy.now = True
            try:
                self._construct(sessions, layer, original, args, kwargs)
            finally:
                self._busy.now = False

        # For those who read it without following __wrapped__.
        __init__.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
        return __init__

    def _construct(
        self,
        sessions: tuple[Session, ...],
        layer: nn.Module,
        original: Callable[..., None],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        exact, fresh = cell_of(type(layer)) is self.source, not vars(layer)
        frame = _construction_site(layer, exact)
        module, file = frame.f_globals.get("__name__", "?"), frame.f_code.co_filename
        place = (file, frame.f_lineno)
        before = describe(type(layer), args, kwargs)
        declined: list[Session] = []
        for session in reversed(sessions):
            if session.wants(module, *place):
                break
            declined.append(session)
        else:
            session = None
        if session is not None and exact and fresh:
            pair = next(p for p in session.pairs if p.source is self.source)
            session.construct(layer, pair, original, args, kwargs, place)
        else:
            original(layer, *args, **kwargs)
            if session is not None:
                again = "its constructor was called a second time"
                reason = again if exact else reason_left(type(layer), session.pairs) or ""
                session.report.left.append(LeftAlone(*place, before, reason))
        for other in declined:
            reason = f"not wanted by where={other.where!r} in module {module}"
            other.report.left.append(LeftAlone(*place, before, reason))


@contextlib.contextmanager
def torchs_own() -> Iterator[None]:
    """Let what this thread constructs meanwhile be what it is called, whatever is patched."""
    before = getattr(Constructor._busy, "now", False)
    Constructor._busy.now = True
    try:
        yield
    finally:
        Constructor._busy.now = before


def _construction_site(layer: nn.Module, exact: bool) -> FrameType:
    """Return the frame that constructs `layer`: past our own, and past a subclass's __init__."""
    frame = sys._getframe(3)
    while not exact and frame.f_back is not None and _initialises(frame, layer):
        frame = frame.f_back
    return frame


def _initialises(frame: FrameType, layer: nn.Module) -> bool:
    code = frame.f_code
    if code.co_name != "__init__" or not code.co_argcount:
        return False
    return frame.f_locals.get(code.co_varnames[0]) is layer
