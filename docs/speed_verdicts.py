"""What the measurements of docs/speed.py come to, beside the numbers this project set itself."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from math import log
from typing import Any

Found = dict[str, Any]
CELLS = ("janet", "indrnn")
#: (cell, mode): least geometric mean and least value at any shape, as ratios to nn.LSTM.
RATIOS = {
    ("janet", "forward"): (2.5, 1.8),
    ("janet", "training"): (3.0, 2.0),
    ("janet", "training-dx"): (3.0, 2.0),
    ("indrnn", "forward"): (None, 8.0),
    ("indrnn", "training"): (12.0, 6.0),
    ("indrnn", "training-dx"): (12.0, 6.0),
}
LONG, LONG_RATIO = "784,32,1,128", 20.0  # IndRNN's training
MANUAL = {"janet": 0.8, "indrnn": 2.0}
MANUAL_FROM = 128  # hidden units
LIMIT, LIMIT_FROM = 1.2, 256  # JANET's time over its products
LAYOUT_LOSS = 0.15
MEMORY = {"janet": 0.6, "indrnn": 0.4}
OVERHEAD = 30  # microseconds
SWEEP, WORST = 0.95, 10


def _verdict(words: str, value: float, bound: float, *, at_most: bool = False) -> str:
    reached = value <= bound if at_most else value >= bound
    side = "at most" if at_most else "at least"
    return f"{'reached' if reached else 'MISSED '}  {words}: {value:.3g} ({side} {bound:g})"


def _hidden(shape: str) -> int:
    return int(shape.rpartition(",")[2])


def shapes(found: Found) -> Iterator[str]:
    """Ratios to nn.LSTM at the seven shapes."""
    for row in found["summary"]:
        mean, least = RATIOS[row["cell"], row["mode"]]
        words = f"{row['cell']} {row['mode']}"
        if mean is not None:
            yield _verdict(f"{words}, geometric mean", row["geometric_mean"], mean)
        yield _verdict(f"{words}, least", row["minimum"], least)
    for entry in found["entries"]:
        if (entry["cell"], entry["shape"]) == ("indrnn", LONG) and entry["mode"] != "forward":
            yield _verdict(f"indrnn {entry['mode']} at {LONG}", entry["ratio"], LONG_RATIO)


def limit(found: Found) -> Iterator[str]:
    """Time over that of the unavoidable products, and of the bytes moved."""
    for row in found["limits"]:
        words = f"{row['cell']} {row['mode']} at {row['shape']}, time over its parts'"
        if row["cell"] == "janet" and _hidden(row["shape"]) >= LIMIT_FROM:
            yield _verdict(words, row["ratio"], LIMIT, at_most=True)
        else:
            yield f"         {words}: {row['ratio']:.3g}"


def packed(found: Found) -> Iterator[str]:
    """Time with packed input over that with padded input, beside nn.LSTM's own."""
    times = {(e["cell"], e["mode"], e["shape"], e["packed"]): e["median"] for e in found["entries"]}
    shares: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for (cell, mode, shape, is_packed), time in times.items():
        if is_packed:
            share = time / times[cell, mode, shape, False]
            shares.setdefault((cell, mode), []).append((share, shape))
    for (cell, mode), values in shares.items():
        share, shape = max(values)
        words = f"{cell} {mode}, packed over padded, most (at {shape})"
        if cell in CELLS:
            yield _verdict(words, share, 1.0, at_most=True)
        else:
            yield f"         {words}: {share:.3g}"


def layouts(found: Found) -> Iterator[str]:
    """Ratios of other layers over those of plain ones."""
    ratios = {
        (name, e["cell"], e["mode"], e["shape"]): e["ratio"]
        for name, entries in found.items()
        if name != "machine"
        for e in entries
        if e["cell"] in CELLS
    }
    kept: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    for (name, cell, mode, shape), ratio in ratios.items():
        if name != "plain":
            share = ratio / ratios["plain", cell, mode, shape]
            kept.setdefault((name, cell, mode), []).append((share, shape))
    for (name, cell, mode), values in kept.items():
        share, shape = min(values)
        words = f"{name}, {cell} {mode}, ratio over the plain layer's, least (at {shape})"
        yield _verdict(words, share, 1 - LAYOUT_LOSS)


def memory(found: Found) -> Iterator[str]:
    """A training step's peak over nn.LSTM's."""
    peaks = {(p["cell"], p["shape"]): p["bytes"] for p in found["peaks"]}
    for (cell, shape), size in peaks.items():
        if cell in CELLS:
            share = size / peaks["nn.LSTM", shape]
            words = f"{cell} at {shape}, peak memory over nn.LSTM's"
            yield _verdict(words, share, MEMORY[cell], at_most=True)


def overhead(found: Found) -> Iterator[str]:
    """What a call costs beyond torch's linear."""
    for cost in found["overheads"]:
        mode = "recorded" if cost["recorded"] else "in inference mode"
        words = f"{cost['cell']} {mode}, microseconds of"
        yield f"         {words} a layer's call: {cost['layer'] * 1e6:.3g}"
        if cost["own"] is not None:
            own = cost["own"] * 1e6
            yield _verdict(f"{words} overhead in its operation", own, OVERHEAD, at_most=True)


def length(found: Found) -> Iterator[str]:
    """The slope of log time over log T: 1 is linear."""
    by: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in found["entries"]:
        steps = int(entry["shape"].partition(",")[0])
        points = by.setdefault((entry["cell"], entry["mode"]), [])
        points.append((log(steps), log(entry["median"])))
    for (cell, mode), points in by.items():
        slope = statistics.linear_regression(*zip(*points, strict=True)).slope
        yield f"         {cell} {mode}, slope of log time over log T: {slope:.3f}"


def manual(found: Found) -> Iterator[str]:
    """Ratios to nn.LSTM without the C library."""
    for cell, least in MANUAL.items():
        for mode in ("training", "training-dx"):
            values = [
                (e["ratio"], e["shape"])
                for e in found["entries"]
                if (e["cell"], e["mode"]) == (cell, mode) and _hidden(e["shape"]) >= MANUAL_FROM
            ]
            ratio, shape = min(values)
            yield _verdict(f"{cell} {mode} without the C library, least (at {shape})", ratio, least)


def sweep(found: Found) -> Iterator[str]:
    """The shapes at which a cell trains slower than nn.LSTM, and the worst."""
    own = sorted((e for e in found["entries"] if e["cell"] in CELLS), key=lambda e: e["ratio"])
    behind = sum(e["ratio"] < SWEEP for e in own)
    yield _verdict(f"entries of {len(own)} below {SWEEP} of nn.LSTM", behind, 0, at_most=True)
    for entry in own[: max(behind, WORST)]:
        yield f"         {entry['ratio']:.3f}  {entry['cell']} {entry['mode']} at {entry['shape']}"


VERDICTS: dict[str, Callable[[Found], Iterator[str]]] = {
    "shapes": shapes,
    "limit": limit,
    "packed": packed,
    "layouts": layouts,
    "memory": memory,
    "overhead": overhead,
    "length": length,
    "manual": manual,
    "sweep": sweep,
}
