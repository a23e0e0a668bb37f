"""Times calls against each other: samples of all of them, one after the other, again and again."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

import torch

#: Runs a call a number of times and returns the seconds all of it took.
Clock = Callable[[Callable[[], object], int], float]
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Samples:
    """Seconds of one call, each the mean over `calls` calls in a row."""

    calls: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the samples, in seconds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """Return the range of the middle half of two or more samples, over their median."""
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / self.median


def clock_of(device: torch.device) -> Clock:
    """Return a clock for work on `device`: the wall's on the CPU, else the device's own events."""
    if device.type == "cpu":
        return _wall_clock
    return _event_clock


def interleaved(
    calls: Mapping[KeyT, Callable[[], object]], clock: Clock, repeats: int, at_least: float
) -> dict[KeyT, Samples]:
    """Take `repeats` samples of each call, interleaved, so that a slow minute slows all alike.

    Args:
        calls: What is timed; each must have run once already.
        clock: See `clock_of`.
        repeats: Samples of each call.
        at_least: Seconds that a sample lasts at least; a call is repeated to fill them.
    """
    counts = {key: _count(call, clock, at_least) for key, call in calls.items()}
    found: dict[KeyT, list[float]] = {key: [] for key in calls}
    keys = list(calls)
    with _no_collection():
        for repeat in range(repeats):
            start = repeat % len(keys)  # each has another before it each time
            for key in keys[start:] + keys[:start]:
                found[key].append(clock(calls[key], counts[key]) / counts[key])
    return {key: Samples(counts[key], tuple(found[key])) for key in keys}


def _count(call: Callable[[], object], clock: Clock, at_least: float) -> int:
    """Return how many calls fill a sample, from growing trials as one short call says little."""
    trial = 1
    while True:
        took = clock(call, trial)
        if took >= at_least / 5:
            return max(1, round(at_least / (took / trial)))
        trial *= 4


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector out of the samples, where it would strike one at random."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _wall_clock(call: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - start


def _event_clock(call: Callable[[], object], times: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in "se")  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(times):
        call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3
