"""`multihead` against nn.MultiheadAttention: the same numbers, side by side in one process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from torch import Tensor, nn

from rnnswap import discovery
from rnnswap.bench.extra_tables import make_table, milliseconds
from rnnswap.bench.machine import describe, machine_lines
from rnnswap.bench.plan import AttentionPlan, Shape
from rnnswap.bench.run import Progress, device_of, threads
from rnnswap.bench.timing import Samples, clock_of, interleaved

REFERENCE = "nn.MultiheadAttention"


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """Both layers' times at a shape in a mode, with weights returned or not."""

    shape: Shape
    mode: str
    need_weights: bool
    reference: Samples
    own: Samples

    @property
    def ratio(self) -> float:
        """Return the time of multihead over that of torch's; below 1 is faster."""
        return self.own.median / self.reference.median


@dataclasses.dataclass(frozen=True, slots=True)
class AttentionReport:
    """Everything a run found."""

    plan: AttentionPlan
    machine: dict[str, str | int]
    pairs: list[Pair]

    def ratios(self, mode: str, need_weights: bool) -> list[float]:
        """Return the ratios of all shapes."""
        kind = (mode, need_weights)
        return [pair.ratio for pair in self.pairs if (pair.mode, pair.need_weights) == kind]


def run_attention(plan: AttentionPlan, progress: Progress) -> AttentionReport:
    """Measure self-attention of both layers at every shape, in each mode, with weights and without.

    Raises:
        OptionError: The device does not exist, or the heads of a shape do not divide its width.
    """
    device = device_of(plan.device)
    pairs = []
    with threads(plan.threads):
        for shape in plan.shapes:
            layers, x = _layers(plan, shape)
            for mode in plan.modes:
                progress(f"{shape} {mode}")
                for need_weights in (False, True):
                    calls = {n: _call(m, x, mode, need_weights) for n, m in layers.items()}
                    for call in calls.values():
                        call()
                    taken = interleaved(calls, clock_of(device), plan.repeats, plan.seconds)
                    samples = taken[REFERENCE], taken["multihead"]
                    pairs.append(Pair(shape, mode, need_weights, *samples))
        return AttentionReport(plan, describe(device), pairs)


def _layers(plan: AttentionPlan, shape: Shape) -> tuple[dict[str, nn.Module], Tensor]:
    """Return both layers with the same parameters, and x (B, T, E) from N(0, 1)."""
    like: dict[str, Any] = {"device": plan.device, "dtype": getattr(torch, plan.dtype)}
    width, heads = shape.inputs, shape.hidden
    own = discovery.get_attention("multihead")(width, width, heads=heads, **like)
    torch.manual_seed(0)
    reference = nn.MultiheadAttention(width, heads, batch_first=True, **like)
    own.load_state_dict(reference.state_dict())
    x = torch.randn(shape.batch, shape.steps, width, **like)
    return {REFERENCE: reference, "multihead": own}, x


def _call(layer: nn.Module, x: Tensor, mode: str, need_weights: bool) -> Callable[[], object]:
    """Return a forward pass in inference mode, or a training step without an optimizer."""
    layer.train(mode == "training")

    @torch.inference_mode()
    def forward() -> None:
        layer(x, x, x, need_weights=need_weights)

    def step() -> None:
        layer.zero_grad(set_to_none=True)
        output: Tensor = layer(x, x, x, need_weights=need_weights)[0]
        output.sum().backward()  # type: ignore[no-untyped-call]

    return step if layer.training else forward


def screen(report: AttentionReport) -> Iterator[RenderableType]:
    """Yield a table for each mode and setting, and where it was measured."""
    for mode in report.plan.modes:
        for need_weights in (False, True):
            yield _table(report, mode, need_weights)
            yield ""
    yield from (Text(line) for line in machine_lines(report.machine))
    repeats = report.plan.repeats
    yield f"{report.plan.dtype}, query = key = value, medians of {repeats} interleaved samples"
    if repeats > 1:
        spreads = [s.spread for pair in report.pairs for s in (pair.reference, pair.own)]
        yield f"their middle half spreads over {median(spreads):.0%}, at worst {max(spreads):.0%}"


def _table(report: AttentionReport, mode: str, need_weights: bool) -> Table:
    way = "forward, inference mode" if mode == "forward" else "training step"
    title = f"{way}, need_weights={need_weights}: ms, time / {REFERENCE}'s"
    table = make_table(title, ("T,B,E,heads", REFERENCE, "multihead", "ratio"))
    for pair in report.pairs:
        if (pair.mode, pair.need_weights) == (mode, need_weights):
            times = (milliseconds(s.median) for s in (pair.reference, pair.own))
            table.add_row(str(pair.shape), *times, f"{pair.ratio:.2f}")
    ratios = report.ratios(mode, need_weights)
    if len(ratios) > 1:
        table.add_section()
        table.add_row("median", "", "", f"{median(ratios):.2f}", style="bold")
        table.add_row("largest", "", "", f"{max(ratios):.2f}", style="bold")
    return table


def as_json(report: AttentionReport) -> dict[str, Any]:
    """Return everything that was measured, raw samples included; times in seconds."""
    plan = dataclasses.asdict(report.plan)
    return {
        "plan": {**plan, "shapes": [str(shape) for shape in report.plan.shapes]},
        "machine": report.machine,
        "pairs": [
            {
                "shape": str(pair.shape),
                "mode": pair.mode,
                "need_weights": pair.need_weights,
                REFERENCE: list(pair.reference.seconds),
                "multihead": list(pair.own.seconds),
                "ratio": round(pair.ratio, 4),
            }
            for pair in report.pairs
        ],
    }
