"""What a swap of a live model did, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from rnnswap.patch._replacement import in_one_line
from rnnswap.patch._table import table


class Change(Protocol):
    """One thing a swap did."""

    def check(self) -> None:
        """Raise SwapError if it can no longer be taken back."""

    def restore(self) -> None:
        """Take it back."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """One replaced module.

    Attributes:
        path: Its first dotted name ("" for the root).
        before: The very object that was there.
        after: The one that is there now.
        aliases: Its other dotted names.
        transfer: What became of the old weights; None with fresh ones.
    """

    path: str
    before: nn.Module
    after: nn.Module
    aliases: tuple[str, ...] = ()
    transfer: Any = None

    @property
    def parameters_before(self) -> int:
        """Number of elements of all parameters of the old module."""
        return sum(p.numel() for p in self.before.parameters())

    @property
    def parameters_after(self) -> int:
        """Number of elements of all parameters of the new module."""
        return sum(p.numel() for p in self.after.parameters())


@dataclass(frozen=True, slots=True)
class Left:
    """One module that was left as it is, and why."""

    path: str
    module: nn.Module
    reason: str


@dataclass(slots=True, repr=False)
class SwapReport:
    """What `swap_` did; printed, a table.

    Attributes:
        model: The model; another object than was handed in only if its root was replaced.
        swapped: Every replaced module.
        left: Every LSTM that was left, with the reason.
        notes: What else is to be known, in sentences.
    """

    model: nn.Module
    swapped: list[Swapped] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)

    def undo(self) -> nn.Module:
        """Put the very same modules back, optimizers included, and return the model.

        Optimizers get the old parameters and the state they had for them. A second call changes
        nothing.

        Raises:
            SwapError: A swapped module was itself replaced meanwhile; nothing is changed.
        """
        for change in self._changes:
            change.check()
        self._take_back()
        return self.model

    def _take_back(self) -> None:
        while self._changes:
            self._changes.pop().restore()

    def __str__(self) -> str:
        lines = [f"{len(self.swapped)} swapped, {len(self.left)} left"]
        swapped = [
            (
                _named(s.path, s.aliases),
                in_one_line(s.before),
                in_one_line(s.after),
                f"{s.parameters_before} -> {s.parameters_after}",
            )
            for s in self.swapped
        ]
        lines += table(("swapped", "before", "after", "parameters"), swapped)
        carried = [
            (_named(s.path), ", ".join(s.transfer.copied), _dropped(s.transfer))
            for s in self.swapped
            if s.transfer is not None
        ]
        lines += table(("transferred", "weights", "rows dropped"), carried)
        left = [(_named(m.path), in_one_line(m.module), m.reason) for m in self.left]
        lines += table(("left", "module", "reason"), left)
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__


@dataclass(slots=True)
class Action:
    """A change that can always be taken back, by a function."""

    restore: Callable[[], None]

    def check(self) -> None:
        """Nothing can have come between."""


def _named(path: str, aliases: tuple[str, ...] = ()) -> str:
    also = f" (also {', '.join(aliases)})" if aliases else ""
    return (path or "(the model itself)") + also


def _dropped(transfer: Any) -> str:
    return "; ".join(sorted({f"gates {gates}" for gates in transfer.dropped.values()}))


SwapReport.__module__ = "rnnswap"
