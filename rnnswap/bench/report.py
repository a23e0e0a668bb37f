"""What a run found, and what follows from it: ratios, means, minima."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import geometric_mean

from rnnswap.bench.limit import Limit
from rnnswap.bench.overhead import Overhead
from rnnswap.bench.plan import REFERENCE, Plan, Shape
from rnnswap.bench.serving import Serving
from rnnswap.bench.timing import Samples


@dataclass(frozen=True, slots=True)
class Entry:
    """One measured call: a cell at a shape in a mode, with padded or packed input."""

    cell: str
    shape: Shape
    mode: str
    packed: bool
    samples: Samples
    serving: Serving


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be measured at a shape, and why in one sentence."""

    cell: str
    shape: Shape
    mode: str
    reason: str

    def __str__(self) -> str:
        return f"{self.cell} at {self.shape}, {self.mode}: {self.reason}"


@dataclass(slots=True)
class Report:
    """Everything a run found."""

    plan: Plan
    machine: dict[str, str | int]
    entries: list[Entry] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    #: (cell, shape, bytes) of a training step's peak.
    peaks: list[tuple[str, Shape, int]] = field(default_factory=list)
    overheads: list[Overhead] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def find(self, cell: str, shape: Shape, mode: str, packed: bool) -> Entry | None:
        """Return the entry, or None if it was not measured."""
        wanted = (cell, shape, mode, packed)
        return next(
            (e for e in self.entries if (e.cell, e.shape, e.mode, e.packed) == wanted), None
        )

    def ratio(self, entry: Entry) -> float | None:
        """Return nn.LSTM's time over this entry's, both with the same input; above 1 is faster."""
        reference = self.find(REFERENCE, entry.shape, entry.mode, entry.packed)
        return None if reference is None else reference.samples.median / entry.samples.median

    def to_limit(self, limit: Limit, parts: dict[str, float]) -> float | None:
        """Return the entry's time over the sum of `parts`; below 1 where torch's are slower."""
        entry = self.find(limit.cell, limit.shape, limit.mode, packed=False)
        return None if entry is None else entry.samples.median / sum(parts.values())

    def summaries(self) -> Iterator[Summary]:
        """Yield what the ratios of each cell, mode and kind of input come to."""
        for cell in self.plan.cells:
            for mode in self.plan.modes:
                for packed in (False, True) if self.plan.packed else (False,):
                    found = (self.find(cell, s, mode, packed) for s in self.plan.shapes)
                    ratios = [r for e in found if e and (r := self.ratio(e)) is not None]
                    if ratios:
                        mean, least = geometric_mean(ratios), min(ratios)
                        yield Summary(cell, mode, packed, round(mean, 4), round(least, 4))


@dataclass(frozen=True, slots=True)
class Summary:
    """The ratios to nn.LSTM of one cell in one mode over all shapes."""

    cell: str
    mode: str
    packed: bool
    geometric_mean: float
    minimum: float
