"""Millions of steps as curves of bounded length."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_T = TypeVar("_T")

#: A curve has at most so many points; a screen shows no more of them beside one another.
POINTS = 1500


class Curve:
    """Numbers at positions 0, 1, ...: of each position the count, sum, least and greatest."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._sums: list[float] = []
        self._least: list[float] = []
        self._greatest: list[float] = []

    def add(self, position: int, value: float) -> None:
        """Add a number at a position."""
        missing = position + 1 - len(self.counts)
        if missing > 0:
            self.counts += [0] * missing
            self._sums += [0.0] * missing
            self._least += [float("inf")] * missing
            self._greatest += [float("-inf")] * missing
        self.counts[position] += 1
        self._sums[position] += value
        self._least[position] = min(self._least[position], value)
        self._greatest[position] = max(self._greatest[position], value)

    def halve(self) -> None:
        """Join the positions in pairs."""
        self.counts = [sum(pair) for pair in _pairs(self.counts)]
        self._sums = [sum(pair) for pair in _pairs(self._sums)]
        self._least = [min(pair) for pair in _pairs(self._least)]
        self._greatest = [max(pair) for pair in _pairs(self._greatest)]

    def means(self) -> list[float | None]:
        """Return the mean at each position; None where there is no number."""
        pairs = zip(self._sums, self.counts, strict=True)
        return [total / count if count else None for total, count in pairs]

    def least(self) -> list[float | None]:
        """Return the least number at each position."""
        return self._where_any(self._least)

    def greatest(self) -> list[float | None]:
        """Return the greatest number at each position."""
        return self._where_any(self._greatest)

    def shares(self, windows: int) -> list[float | None]:
        """Return the mean over windows of equal length: so many, or up to twice as many."""
        wide = Curve()
        wide.counts, wide._sums = self.counts, self._sums
        while len(wide.counts) >= 2 * windows:
            wide.counts = [sum(pair) for pair in _pairs(wide.counts)]
            wide._sums = [sum(pair) for pair in _pairs(wide._sums)]
        return wide.means()

    def _where_any(self, values: list[float]) -> list[float | None]:
        return [v if count else None for v, count in zip(values, self.counts, strict=True)]


class Track:
    """Curves over the steps of a run, with as many steps to a point as it takes.

    Attributes:
        width: Steps to a point, a power of two.
        curves: By name.
    """

    def __init__(self) -> None:
        self.width = 1
        self.curves: dict[str, Curve] = {}

    def add(self, step: int, values: Iterable[tuple[str, float | None]]) -> None:
        """Add what a step has, None left out; steps count from 1."""
        while (step - 1) // self.width >= POINTS:
            self.width *= 2
            for curve in self.curves.values():
                curve.halve()
        position = (step - 1) // self.width
        for name, value in values:
            if value is not None:
                self.curves.setdefault(name, Curve()).add(position, value)

    def steps(self, count: int, points: int = 1) -> list[float]:
        """Return the middles of the first `count` points, `points` of them taken together."""
        width = self.width * points
        return [n * width + (width + 1) / 2 for n in range(count)]


def _pairs(values: list[_T]) -> list[list[_T]]:
    return [values[n : n + 2] for n in range(0, len(values), 2)]
