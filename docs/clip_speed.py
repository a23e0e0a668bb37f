"""Measure what clipping costs on a model of 500 parameters.

    python docs/clip_speed.py                    every policy, half a minute
    python docs/clip_speed.py --size 64          parameters of (64, 64), alternating with (64,)

`norm` and `value` are held against torch's own functions, every other policy against the best loop
for the same equation that we could write by hand with torch's functions for lists of tensors
(clip_by_hand.py). `ours` is what an optimizer's step gains by an attached policy: the step of an
optimizer that does nothing, with clipping, less without. It looks for gradients that are not
finite, which the loops do not. `measured` also has what was done in `handle.last`. `hook` is timed,
as is its loop, with the backward that runs the hooks and with the step. All are run in turn,
`--rounds` times; medians, and the median of ratios round by round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from clip_by_hand import BY_HAND
from torch import Tensor, nn

from rnnswap.clip import attach

POLICIES = {
    "value": "value:1e3",
    "range": "range:-1e3,1e3",
    "hook": "hook:-1e3,1e3",
    "norm": "norm:1e6",
    "layer-norm": "layer-norm:1e6",
    "agc": "agc:1e6",
    "percentile": "percentile:100",
    "zclip": "zclip:2.5",
}
PARAMETERS = 500


class Nothing(torch.optim.Optimizer):
    """An optimizer whose step costs nothing but its hooks."""

    def __init__(self, parameters: list[Tensor]) -> None:
        super().__init__(parameters, {})

    def step(self, closure: Any = None) -> Any:
        """Do nothing."""


def make_parameters(size: int) -> list[Tensor]:
    """Return weights and biases in turn, each with a gradient."""
    shapes = [(size, size), (size,)] * (PARAMETERS // 2)
    parameters: list[Tensor] = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return parameters


def timed(work: Callable[[], Any]) -> float:
    """Return how long `work` takes, in milliseconds."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def contestants(name: str, parameters: list[Tensor]) -> dict[str, Callable[[], Any]]:
    """Return what is timed for a policy: nothing, by hand, ours, ours measured."""
    bare = Nothing(parameters)
    by_hand = BY_HAND[name](parameters)
    work: dict[str, Callable[[], Any]] = {"nothing": bare.step, "by hand": by_hand}
    if name == "hook":
        work["by hand"] = lambda: (by_hand(), bare.step())
    for label, measure in (("ours", False), ("measured", True)):
        optimizer = Nothing(parameters)
        if name != "hook":
            attach(POLICIES[name], optimizer, measure=measure)
            work[label] = optimizer.step
        else:
            # Parameters of their own: a hook stays on what it is on.
            own: list[Tensor] = [nn.Parameter(p.detach().clone()) for p in parameters]
            work[label] = hooked(own, Nothing(own), measure=measure)
    return work


def hooked(own: list[Tensor], optimizer: Nothing, *, measure: bool) -> Callable[[], Any]:
    """Return a backward through parameters with our hooks, and a step."""
    attach(POLICIES["hook"], optimizer, measure=measure)
    through = backward(own)

    def work() -> None:
        through()
        optimizer.step()

    return work


def backward(parameters: list[Tensor]) -> Callable[[], Any]:
    """Return a backward that gives every parameter its gradient."""
    loss = torch.stack([p.sum() for p in parameters]).sum()
    leaves = parameters

    def work() -> None:
        for parameter in leaves:
            parameter.grad = None
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]

    return work


def measure(name: str, size: int, rounds: int) -> dict[str, float]:
    """Return medians in milliseconds, less what a step that does nothing costs, and ratios."""
    parameters = make_parameters(size)
    work = contestants(name, parameters)
    times: dict[str, list[float]] = {label: [] for label in work}
    for number in range(rounds + 3):
        for label, function in work.items():
            taken = timed(function)
            if number >= 3:
                times[label].append(taken)
    # By hand there is no step, so nothing of one to take off. Hooks are timed with the backward
    # and the step that they are part of: what is left without these would be noise.
    bare = 0.0 if name == "hook" else statistics.median(times["nothing"])
    hand = times["by hand"]
    found = {"by hand": statistics.median(hand)}
    for label in ("ours", "measured"):
        own = [t - bare for t in times[label]]
        found[label] = statistics.median(own)
        found[f"{label} ratio"] = statistics.median(a / b for a, b in zip(own, hand, strict=True))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=16, help="rows of a weight (16)")
    parser.add_argument("--rounds", type=int, default=60, help="how often each is timed (60)")
    arguments = parser.parse_args()
    numbers = sum(p.numel() for p in make_parameters(arguments.size))
    lines = [
        f"{PARAMETERS} parameters, {numbers:,} numbers; {torch.get_num_threads()} threads; "
        f"torch {torch.__version__}",
        "",
        "| policy | by hand, ms | ours, ms | ratio | measured, ms | ratio | ours in norms |",
        "|---|---|---|---|---|---|---|",
    ]
    warnings.filterwarnings("ignore", "the script clips gradients itself")
    found = {name: measure(name, arguments.size, arguments.rounds) for name in POLICIES}
    for name, row in found.items():
        lines.append(
            f"| `{name}` | {row['by hand']:.2f} | {row['ours']:.2f} | {row['ours ratio']:.2f} | "
            f"{row['measured']:.2f} | {row['measured ratio']:.2f} | "
            f"{row['ours'] / found['norm']['ours']:.2f} |"
        )
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
