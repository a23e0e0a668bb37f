"""Swaps a cell in wherever the running process constructs nn.LSTM.

The constructor of the source class is replaced, not the class: a name bound earlier, an alias, a
dict value or getattr all reach it, while subclasses, unpickling and deepcopy of real LSTMs pass
through. For exactly that class the new object is turned into the cell before it is initialised.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Mapping
from typing import Any

from rnnswap.errors import OptionError, SwapError
from rnnswap.patch._as_lstm import advise
from rnnswap.patch._intercept import Construction as Construction
from rnnswap.patch._intercept import Constructor, Session, Where
from rnnswap.patch._intercept import LeftAlone as LeftAlone
from rnnswap.patch._intercept import PatchReport as PatchReport
from rnnswap.patch._replacement import replacements


class patched(contextlib.ContextDecorator):  # noqa: N801  (used as a function, like mock.patch)
    """Construct `cell` wherever this process constructs nn.LSTM; restore the original at the end.

    A context manager, a decorator, or `.start()` and `.stop()`, as unittest.mock.patch; process
    wide as that is. Nested, the innermost acts whose `where` takes the construction; blocks may end
    in any order.

    Args:
        cell: Name of an installed cell.
        source: The cell whose class is intercepted.
        attention: Name of an attention mechanism to put over the cell's output.
        where: Which constructions: a glob on the name of the constructing module ("mypackage.*"),
            or a predicate on (module, file, line). None takes all.
        options: Keyword-only extras of the cell.
        as_lstm: Construct a class that is nn.LSTM's subclass too, for code that asks
            isinstance(layer, nn.LSTM). torch.compile breaks the graph there, as at an nn.LSTM.

    Raises:
        UnknownNameError: A name is not installed.
        OptionError: The cell has no such option.
        SwapError: With `as_lstm`, the cell's class cannot be made an nn.LSTM as well.

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
        as_lstm: bool = False,
    ) -> None:
        if where is not None and not isinstance(where, str) and not callable(where):
            raise OptionError(
                "where takes a glob on a module's name or a function of (module, file, line), "
                f"got {where!r}"
            )
        self._cell = cell
        self._pairs = replacements(cell, source, attention, options, as_lstm)
        self._where = where
        self._running: list[Session] = []

    def start(self) -> PatchReport:
        """Begin, and return the report that fills from now on."""
        session = Session(PatchReport(self._cell), self._pairs, self._where)
        for pair in self._pairs:
            Constructor.of(pair.source).enter(session)
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
            Constructor.of(pair.source).leave(session)

    def __call__(self, func: Any) -> Any:
        """Decorate a function or a coroutine function: the patch runs while it runs."""
        if inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(type(func).__call__):

            @functools.wraps(func)
            async def inner(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await func(*args, **kwargs)

            return inner
        lazy = inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func)
        if lazy or isinstance(func, type | staticmethod) or not callable(func):
            raise SwapError(
                f"patched decorates functions and coroutine functions, got {func!r}: "
                "use it as a context manager inside"
            )
        return super().__call__(func)

    def __enter__(self) -> PatchReport:
        return self.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.stop()
        if error is not None:
            advise(error)


patched.__module__ = "rnnswap"
