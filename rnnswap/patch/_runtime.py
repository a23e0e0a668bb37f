"""Swaps a cell in wherever the running process constructs nn.LSTM.

The constructor of the source class is replaced, not the class: a name bound earlier, an alias, a
dict value or getattr all reach it, while subclasses, unpickling and deepcopy of real LSTMs pass
through. For exactly that class the new object is turned into the cell before it is initialised.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import nn

from rnnswap.errors import OptionError, SwapError
from rnnswap.patch._replacement import (
    Replacement,
    describe,
    in_one_line,
    reason_left,
    replacements,
)

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


@dataclass(slots=True)
class PatchReport:
    """What a `patched` block constructed."""

    cell: str
    swapped: list[Construction] = field(default_factory=list)
    left: list[LeftAlone] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.swapped)} swapped, {len(self.left)} left"]
        for c in self.swapped:
            lines.append(f"  {c.file}:{c.line}: {c.before} -> {c.after}, {c.parameters} parameters")
        lines += [f"  {c.file}:{c.line}: {c.before} left, {c.reason}" for c in self.left]
        return "\n".join(lines)


class patched(contextlib.ContextDecorator):  # noqa: N801  (used as a function, like mock.patch)
    """Construct `cell` wherever this process constructs nn.LSTM; restore the original at the end.

    A context manager, a decorator, or `.start()` and `.stop()`, as unittest.mock.patch; process
    wide as that is. Nested, the innermost acts; blocks may end in any order.

    Args:
        cell: Name of an installed cell.
        source: The cell whose class is intercepted.
        attention: Name of an attention mechanism to put over the cell's output.
        where: Which constructions: a glob on the name of the constructing module ("mypackage.*"),
            or a predicate on (module, file, line). None takes all.
        options: Keyword-only extras of the cell.

    Raises:
        UnknownNameError: A name is not installed.
        OptionError: The cell has no such option.

    Example:
        >>> with patched("janet") as report:
        ...     model = build()
        >>> report.swapped[0].line
        12
    """

    def __init__(
        self,
        cell: str = "janet",
        *,
        source: str = "lstm",
        attention: str | None = None,
        where: Where | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if where is not None and not isinstance(where, str) and not callable(where):
            raise OptionError(
                "where takes a glob on a module's name or a function of (module, file, line), "
                f"got {where!r}"
            )
        self._cell = cell
        self._pairs = replacements(cell, source, attention, options)
        self._where = where
        self._running: list[_Session] = []

    def start(self) -> PatchReport:
        """Begin, and return the report that fills from now on."""
        session = _Session(PatchReport(self._cell), self._pairs, self._where)
        for pair in self._pairs:
            _Constructor.of(pair.source).enter(session)
        self._running.append(session)
        return session.report

    def stop(self) -> None:
        """End what was started last.

        Raises:
            SwapError: Nothing is running.
        """
        if not self._running:
            raise SwapError(f"patched({self._cell!r}) is not running: nothing to stop")
        session = self._running.pop()
        for pair in self._pairs:
            _Constructor.of(pair.source).leave(session)

    def __call__(self, func: Any) -> Any:
        """Decorate a function or a coroutine function: the patch runs while it runs."""
        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def inner(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await func(*args, **kwargs)

            return inner
        lazy = inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func)
        if lazy or isinstance(func, type) or not callable(func):
            raise SwapError(
                f"patched decorates functions and coroutine functions, got {func!r}: "
                "use it as a context manager inside"
            )
        return super().__call__(func)

    def __enter__(self) -> PatchReport:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(eq=False, slots=True)
class _Session:
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
    try:
        layer.__class__ = pair.target
    except TypeError as error:
        raise SwapError(
            f"{pair.target.__name__} cannot take the place of {pair.source.__name__}: {error}"
        ) from error
    try:
        pair.target.__init__(layer, *args, **kwargs, **pair.options)
    except BaseException:
        layer.__class__ = pair.source
        raise


class _Constructor:
    """The replaced constructor of one class, shared by all sessions that intercept it."""

    _all: dict[type, _Constructor] = {}  # noqa: RUF012  (one per class, process wide by intent)
    _lock = threading.RLock()

    def __init__(self, source: type[nn.Module]) -> None:
        self.source = source
        self.sessions: list[_Session] = []
        self.original: Callable[..., None] | None = None
        self.busy = threading.local()

    @classmethod
    def of(cls, source: type[nn.Module]) -> _Constructor:
        with cls._lock:
            return cls._all.setdefault(source, cls(source))

    def enter(self, session: _Session) -> None:
        with self._lock:
            if not self.sessions:
                self.original = self.source.__init__
                self.source.__init__ = self._wrapper(self.original)  # type: ignore[method-assign]
            self.sessions.append(session)

    def leave(self, session: _Session) -> None:
        with self._lock:
            self.sessions.remove(session)
            if not self.sessions and self.original is not None:
                self.source.__init__ = self.original  # type: ignore[method-assign]

    def _wrapper(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def __init__(layer: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            with self._lock:
                session = self.sessions[-1] if self.sessions else None
            # Busy: a cell that builds an LSTM inside itself means a real one.
            if session is None or getattr(self.busy, "now", False):
                original(layer, *args, **kwargs)
                return
            self.busy.now = True
            try:
                self._construct(session, layer, original, args, kwargs)
            finally:
                self.busy.now = False

        return __init__

    def _construct(
        self,
        session: _Session,
        layer: nn.Module,
        original: Callable[..., None],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        exact = type(layer) is self.source
        frame = _construction_site(layer, exact)
        module, file = frame.f_globals.get("__name__", "?"), frame.f_code.co_filename
        if not session.wants(module, file, frame.f_lineno):
            original(layer, *args, **kwargs)
            return
        place = (file, frame.f_lineno)
        pair = next(p for p in session.pairs if p.source is self.source)
        if exact:
            session.construct(layer, pair, original, args, kwargs, place)
            return
        before = describe(type(layer), args, kwargs)
        original(layer, *args, **kwargs)
        reason = reason_left(type(layer), session.pairs) or ""
        session.report.left.append(LeftAlone(*place, before, reason))


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


patched.__module__ = "rnnswap"
