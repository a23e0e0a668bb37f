"""Print docs/swapping.md's figures: what an active `patched` costs per construction.

    python docs/patched_overhead.py

Constructs 1,000 nn.Linear and 1,000 nn.LSTM, without a patch and under one, in turn, nine rounds;
medians. With a `where` that takes nothing real LSTMs are made, so the difference is the
interception and its record alone; under `patched("janet")` JANET's own constructor is in it. The
last row is JANET constructed by its name.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import rnnswap

COUNT, ROUNDS, SIZE = 1000, 9, 32


def construct(kind: Callable[[int, int], object], count: int) -> float:
    """Return the seconds that `count` constructions take."""
    started = time.perf_counter()
    for _ in range(count):
        kind(SIZE, SIZE)
    return time.perf_counter() - started


def settings() -> dict[str, Callable[[], contextlib.AbstractContextManager[Any]]]:
    """What is active while something is constructed."""
    return {
        "no patch": contextlib.nullcontext,
        "patched, where takes nothing": lambda: rnnswap.patched("janet", where="elsewhere"),
        'patched("janet")': lambda: rnnswap.patched("janet"),
    }


def measure(count: int = COUNT, rounds: int = ROUNDS) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of each round by what is active and what is constructed."""
    kinds = {"nn.Linear": nn.Linear, "nn.LSTM": nn.LSTM}
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for setting, active in settings().items():
            for name, kind in kinds.items():
                with active():
                    seconds = construct(kind, count)
                if number:  # the first round warms up
                    found.setdefault((setting, name), []).append(seconds)
    return found


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    found, own = measure(), [construct(rnnswap.JANET, COUNT) for _ in range(ROUNDS)]
    out = sys.stdout.write
    out(f"| {COUNT:,} constructions of size {SIZE} | nn.Linear | nn.LSTM |\n|---|---:|---:|\n")
    for setting in settings():
        cells = [statistics.median(found[setting, k]) * 1e3 for k in ("nn.Linear", "nn.LSTM")]
        out(f"| {setting} | " + " | ".join(f"{ms:.1f} ms" for ms in cells) + " |\n")
    out(f"| JANET, no patch | | {statistics.median(own) * 1e3:.1f} ms |\n")


if __name__ == "__main__":
    main()
