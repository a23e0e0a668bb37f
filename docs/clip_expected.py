"""What clipping gives in each situation of docs/clip_situations.py, worked out by hand.

Plain Python over lists of numbers: neither torch nor rnnswap has a part in it.
"""

from __future__ import annotations

import math
from typing import Any

DISTRIBUTED = ("DDP", "DDP, no_sync", "FSDP2")
#: Steps before the one that is shown, whose gradients are this much of the true one: the norms 10
#: and 16, for the policies that look back.
BEFORE = (10 / 130, 16 / 130)
WEIGHT, BIAS = [[30.0, -40.0], [0.0, 0.0]], [0.0, 120.0]
SCALE = 65536.0
#: The gradients of two processes in units of the true one: their mean is 1.
RANKS = (3.0, -1.0)
#: Where the gradients are scaled at backward, and where each parameter has its own optimizer.
SCALED = ("AMP", "fused AMP", "finished in the step", "steps copies")
APART = ("two optimizers", "within backward")


def expected(policy: str, situation: str) -> list[float] | None:
    """Return by hand what the row of `weight` shown is to be; None for no gradient at all."""
    name, _, rest = policy.partition(":")
    numbers = [float(n) for n in rest.split(",") if n and "=" not in n]
    if situation.startswith("NaN"):
        return None if situation == "NaN, skip" else with_nan(name, numbers)
    if name == "hook" and situation != "FSDP2":
        return by_hooks(numbers[0], numbers[1], situation)
    shown, bias = WEIGHT[0], [] if situation in APART else BIAS
    if name in ("value", "range", "hook"):
        low, high = numbers if len(numbers) == 2 else (-numbers[0], numbers[0])
        return [clamp(v, low, high) for v in shown]
    return [v * factor(name, numbers, policy, shown, bias) for v in shown]


def factor(name: str, numbers: list[float], policy: str, shown: Any, bias: Any) -> float:
    """Return by hand what a policy that scales multiplies the row shown by."""
    row, total = math.hypot(*shown), math.hypot(*shown, *bias)
    if name == "none":
        return 1.0
    if name == "norm":
        norm = max(map(abs, (*shown, *bias))) if policy.endswith("p=inf") else total
        return min(1.0, numbers[0] / (norm + 1e-6))
    if name == "layer-norm":
        return min(1.0, numbers[0] / (row + 1e-6))
    if name == "agc":
        return min(1.0, numbers[0] * max(math.hypot(3, 4), 1e-3) / row)
    seen = [size * total for size in BEFORE]
    if name == "percentile":  # the median of three
        return min(1.0, sorted([*seen, total])[1] / (total + 1e-6))
    mean = sum(seen) / 2
    deviation = math.sqrt(sum((x - mean) ** 2 for x in seen) / 2)
    score = (total - mean) / (deviation + 1e-6)
    limit = mean + numbers[0] * deviation / (score / numbers[0])
    return limit / (total + 1e-6) if score > numbers[0] else 1.0


def by_hooks(low: float, high: float, situation: str) -> list[float]:
    """Return by hand what hooks make of each backward of each process."""
    scale = SCALE if situation in SCALED else 1.0
    backwards = {"accumulation": 4, "DDP, no_sync": 2}.get(situation, 1)
    ranks = RANKS if situation in DISTRIBUTED else (1.0,)
    return [
        sum(backwards * clamp(v * rank * scale / backwards, low, high) / scale for rank in ranks)
        / len(ranks)
        for v in WEIGHT[0]
    ]


def with_nan(name: str, numbers: list[float]) -> list[float]:
    """Return by hand what is left of (nan, -40): clamps act on each element, scales on all."""
    if name in ("value", "range", "hook"):
        return [math.nan, clamp(WEIGHT[0][1], -numbers[0] if name == "value" else numbers[0], 0)]
    return [math.nan, WEIGHT[0][1] if name == "none" else math.nan]


def clamp(value: float, low: float, high: float) -> float:
    """Return `value` between `low` and `high`."""
    return min(max(value, low), high)
