"""Chooses an implementation of a recurrence: the first that has no reason against running.

`RNNSWAP_IMPL=naive|manual|cpu|gpu` forces one in eager mode; a forced one that cannot run raises
with its reasons. torch.compile and torch.export trace a form of their own, whose graph does not
grow with the number of steps.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import forward_ad

from rnnswap._tracing import is_transformed
from rnnswap.errors import KernelUnavailableError

FORCE_VARIABLE = "RNNSWAP_IMPL"


@dataclass(frozen=True, slots=True)
class Implementation:
    """One way to run a recurrence.

    Args:
        name: As in RNNSWAP_IMPL.
        run: The function; all implementations of an operation take the same arguments.
        reasons_against: Called with those arguments; empty means that it can run.
    """

    name: str
    run: Callable[..., Any]
    reasons_against: Callable[..., list[str]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A recurrence and its implementations.

    Args:
        name: For messages.
        implementations: For eager mode, fastest first, the naive form last.
        library: Traced by torch.compile: an operator of torch.library.
        exported: Traced by torch.export: torch's scan operator.
    """

    name: str
    implementations: Sequence[Implementation]
    library: Callable[..., Any]
    exported: Callable[..., Any]

    def choose(self, *args: Any) -> Implementation:
        """Return the implementation that runs for these arguments in eager mode.

        Raises:
            KernelUnavailableError: RNNSWAP_IMPL names one that is unknown or cannot run.
        """
        forced = os.environ.get(FORCE_VARIABLE)
        if forced:
            return self._forced(forced, args)
        for implementation in self.implementations:
            if not implementation.reasons_against(*args):
                return implementation
        return self.implementations[-1]

    def __call__(self, *args: Any) -> Any:
        """Run the chosen implementation."""
        if torch.compiler.is_exporting():
            return self.exported(*args)
        if torch.compiler.is_compiling():
            # The operator has no rules for torch.func's transforms.
            return self.implementations[-1].run(*args) if is_transformed() else self.library(*args)
        chosen = self.choose(*args)
        calls = _recorded.get()
        if calls is not None:
            calls.append(Call(self, args, chosen, self._passed_over(chosen, args)))
        return chosen.run(*args)

    def _passed_over(self, chosen: Implementation, args: tuple[Any, ...]) -> dict[str, list[str]]:
        faster = self.implementations[: self.implementations.index(chosen)]
        forced = os.environ.get(FORCE_VARIABLE)
        return {
            i.name: [f"{FORCE_VARIABLE}={forced}"] if forced else i.reasons_against(*args)
            for i in faster
        }

    def _forced(self, forced: str, args: tuple[Any, ...]) -> Implementation:
        for implementation in self.implementations:
            if implementation.name == forced:
                reasons = implementation.reasons_against(*args)
                if reasons:
                    raise KernelUnavailableError(self.name, forced, reasons)
                return implementation
        known = ", ".join(i.name for i in self.implementations)
        raise KernelUnavailableError(
            self.name, forced, [f"{FORCE_VARIABLE} knows only {known} for this operation"]
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    Args:
        operation: What was called.
        args: With what.
        implementation: What ran.
        against: For each faster implementation the reasons why it did not.
    """

    operation: Operation
    args: tuple[Any, ...]
    implementation: Implementation
    against: dict[str, list[str]]


_recorded: ContextVar[list[Call] | None] = ContextVar("recorded calls of operations", default=None)


@contextlib.contextmanager
def recorded_calls() -> Iterator[list[Call]]:
    """Collect the eager calls of operations inside the block, in order.

    Run a layer inside it to learn which implementation serves an input, and what speaks against
    the faster ones. A layer whose step is run in a loop calls no operation.

    Yields:
        The list to which each call is appended; it holds the arguments' tensors.
    """
    calls: list[Call] = []
    token = _recorded.set(calls)
    try:
        yield calls
    finally:
        _recorded.reset(token)


def is_graph_made() -> bool:
    """Return whether operations are being written into a graph, which numbers cannot steer."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def no_reasons(*_: Any) -> list[str]:
    """The naive form runs everywhere."""
    return []


def reasons_against_custom_autograd(*_: Any) -> list[str]:
    """Return why an autograd.Function with a hand-written backward cannot run now."""
    reasons = []
    # Neither has a public question; a Function without vmap and jvp rules would raise under both.
    if is_transformed():
        reasons.append("a torch.func transform is active")
    if forward_ad._current_level >= 0:
        reasons.append("forward-mode differentiation is active")
    if torch._C._len_torch_dispatch_stack():
        # Such a mode records or replaces operations, and sees neither C nor what it writes.
        reasons.append("a mode that intercepts torch's operations is active")
    if torch._C._get_tracing_state() is not None:
        reasons.append("torch.jit.trace records plain operations only")
    return reasons
