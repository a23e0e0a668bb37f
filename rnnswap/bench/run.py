"""Carries out a plan: every shape and mode, nn.LSTM and all cells interleaved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from rnnswap.bench.contestant import Inputs, make_call, make_inputs, make_layer
from rnnswap.bench.machine import describe
from rnnswap.bench.plan import REFERENCE, Plan, Shape
from rnnswap.bench.serving import Serving, serving
from rnnswap.bench.timing import Samples, clock_of, interleaved
from rnnswap.errors import OptionError

#: Told before each group of measurements what comes, in words.
Progress = Callable[[str], None]


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


def run(plan: Plan, progress: Progress) -> Report:
    """Measure everything in the plan.

    Raises:
        OptionError: The device does not exist, or a shape does not fit into memory.
    """
    device = _device(plan)
    for shape in plan.shapes:
        _check_memory(plan, shape)
    with _threads(plan.threads):
        report = Report(plan, describe(device))
        for shape in plan.shapes:
            _run_shape(report, shape, device, progress)
    return report


def _run_shape(report: Report, shape: Shape, device: torch.device, progress: Progress) -> None:
    plan = report.plan
    inputs = make_inputs(plan, shape)
    layers: dict[str, nn.Module] = {}
    for cell in (REFERENCE, *plan.cells):
        try:
            layers[cell] = make_layer(plan, cell, shape)
        except Exception as error:  # a stranger's class may raise anything
            report.failures.append(Failure(cell, shape, "construction", _sentence(error)))
    for mode in plan.modes:
        progress(f"{shape} {mode}")
        _run_mode(report, shape, mode, layers, inputs, device)


def _run_mode(
    report: Report,
    shape: Shape,
    mode: str,
    layers: dict[str, nn.Module],
    inputs: Inputs,
    device: torch.device,
) -> None:
    calls: dict[tuple[str, bool], Callable[[], object]] = {}
    servings = {}
    for cell, layer in layers.items():
        for packed, x in inputs.by_kind():
            key = (cell, packed)
            try:
                call = make_call(layer, x, mode)
                servings[key] = serving(layer, call)  # runs it, so that it is warm as well
            except Exception as error:  # a stranger's layer may raise anything
                report.failures.append(Failure(cell, shape, mode, _sentence(error)))
                continue
            calls[key] = call
    if not calls:
        return
    taken = interleaved(calls, clock_of(device), report.plan.repeats, report.plan.seconds)
    for (cell, packed), samples in taken.items():
        report.entries.append(Entry(cell, shape, mode, packed, samples, servings[cell, packed]))


def _sentence(error: Exception) -> str:
    """Return the first line of an error's message, behind its type unless it is ours."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__


def _device(plan: Plan) -> torch.device:
    try:
        device = torch.device(plan.device)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise OptionError(f"device {plan.device!r} is not cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"there is no device {plan.device!r}: torch sees {torch.cuda.device_count()} CUDA "
            "devices here"
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _check_memory(plan: Plan, shape: Shape) -> None:
    """Refuse what cannot fit, before a system that promises any memory ends the process.

    Counts what nn.LSTM alone keeps of one layer: its input, four gates and its weights.
    """
    if plan.device != "cpu" or not hasattr(os, "sysconf"):
        return
    steps, batch, inputs, hidden = shape.steps, shape.batch, shape.inputs, shape.hidden
    numbers = steps * batch * (inputs + 4 * hidden) + 4 * hidden * (inputs + hidden)
    needed = numbers * getattr(torch, plan.dtype).itemsize
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise OptionError(
            f"shape {shape} needs more than {needed / 2**30:.0f} GiB of memory, "
            f"this machine has {there / 2**30:.0f}"
        )


@contextlib.contextmanager
def _threads(wanted: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if wanted is not None:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
