"""What a call costs before it computes anything: one step, one row, one feature, one unit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from rnnswap.bench.contestant import make_inputs, make_layer
from rnnswap.bench.plan import Plan, Shape
from rnnswap.bench.timing import clock_of, interleaved
from rnnswap.ops._dispatch import recorded_calls

SMALLEST = Shape(1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds of a forward call in which there is next to nothing to compute.

    Args:
        cell: Its name.
        recorded: Whether autograd recorded it (training), or it ran in inference mode.
        layer: The whole call of the layer.
        operation: The call of its recurrence alone: choice of the implementation,
            autograd.Function, input projection, C; None if the layer calls none.
        projection: torch's linear at the same size, which is part of the operation; None as well.
    """

    cell: str
    recorded: bool
    layer: float
    operation: float | None
    projection: float | None

    @property
    def own(self) -> float | None:
        """Return what the operation adds to torch's linear."""
        if self.operation is None or self.projection is None:
            return None
        return self.operation - self.projection


def overhead_of(plan: Plan, cells: tuple[str, ...]) -> list[Overhead]:
    """Measure the calls of cells' layers, interleaved, recorded by autograd and not."""
    found = []
    for recorded in (False, True):
        calls: dict[tuple[str, str], Callable[[], object]] = {}
        for cell in cells:
            layer = make_layer(plan, cell, SMALLEST).train(recorded)
            for part, call in _parts(plan, layer, recorded).items():
                calls[cell, part] = _quiet(call, recorded)
                calls[cell, part]()
        clock = clock_of(torch.device(plan.device))
        taken = interleaved(calls, clock, plan.repeats, plan.seconds)
        times = {key: samples.median for key, samples in taken.items()}
        for cell in cells:
            operation, linear = (times.get((cell, part)) for part in ("operation", "linear"))
            found.append(Overhead(cell, recorded, times[cell, "layer"], operation, linear))
    return found


def _parts(plan: Plan, layer: nn.Module, recorded: bool) -> dict[str, Callable[[], object]]:
    x = make_inputs(plan, SMALLEST).padded
    parts: dict[str, Callable[[], object]] = {"layer": lambda: layer(x)}
    with recorded_calls() as calls, _mode(recorded):
        layer(x)
    # An extra of the cell, or more layers, may do the projection elsewhere or several times.
    if len(calls) == 1 and not plan.options:
        (call,) = calls
        weight: Any = layer.weight_ih_l0
        bias: Any = layer.bias_ih_l0
        parts["operation"] = lambda: call.operation(*call.args)
        parts["linear"] = lambda: F.linear(x, weight, bias)
    return parts


def _mode(recorded: bool) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if recorded else torch.inference_mode()


def _quiet(call: Callable[[], object], recorded: bool) -> Callable[[], object]:
    return call if recorded else torch.inference_mode()(call)
