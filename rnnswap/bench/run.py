"""Carries out a plan: every shape and mode, nn.LSTM and all cells interleaved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Hashable, Iterator

import torch
from torch import nn

from rnnswap.bench.contestant import Inputs, make_call, make_inputs, make_layer
from rnnswap.bench.limit import as_limit, parts_of
from rnnswap.bench.machine import describe
from rnnswap.bench.memory import check_peak_is_told, peak_of
from rnnswap.bench.overhead import SMALLEST, overhead_of
from rnnswap.bench.plan import REFERENCE, Plan, Shape
from rnnswap.bench.report import Entry, Failure, Report
from rnnswap.bench.serving import serving
from rnnswap.bench.timing import clock_of, interleaved
from rnnswap.errors import OptionError, RnnswapError

#: Told before each group of measurements what comes, in words.
Progress = Callable[[str], None]


def run(plan: Plan, progress: Progress) -> Report:
    """Measure everything in the plan.

    Raises:
        OptionError: The device does not exist, or a shape does not fit into memory.
    """
    device = device_of(plan.device)
    for shape in plan.shapes:
        _check_memory(plan, shape)
    if "memory" in plan.measures:
        check_peak_is_told(device)
    with threads(plan.threads):
        report = Report(plan, describe(device))
        if plan.timed:
            for shape in plan.shapes:
                with _noting(report, "every cell", shape, "input"):
                    _run_shape(report, shape, make_inputs(plan, shape), progress)
        if "memory" in plan.measures:
            _run_memory(report, progress)
        if "overhead" in plan.measures:
            progress("overhead of a call")
            with _noting(report, "every cell", SMALLEST, "overhead"):
                report.overheads += overhead_of(plan, (REFERENCE, *plan.cells))
    return report


@contextlib.contextmanager
def _noting(report: Report, cell: str, shape: Shape, what: str) -> Iterator[None]:
    """Let the run go on where the block fails: a stranger's class may raise anything."""
    try:
        yield
    except Exception as error:
        report.failures.append(Failure(cell, shape, what, _sentence(error)))


def _run_memory(report: Report, progress: Progress) -> None:
    for shape in report.plan.shapes:
        for cell in (REFERENCE, *report.plan.cells):
            progress(f"{shape} memory {cell}")
            with _noting(report, cell, shape, "memory"):
                report.peaks.append((cell, shape, peak_of(report.plan, cell, shape)))


def _run_shape(report: Report, shape: Shape, inputs: Inputs, progress: Progress) -> None:
    layers: dict[str, nn.Module] = {}
    for cell in (REFERENCE, *report.plan.cells):
        with _noting(report, cell, shape, "construction"):
            layers[cell] = make_layer(report.plan, cell, shape)
    for mode in report.plan.modes:
        progress(f"{shape} {mode}")
        with _noting(report, "every cell", shape, mode):
            _run_mode(report, shape, mode, layers, inputs)


def _run_mode(
    report: Report, shape: Shape, mode: str, layers: dict[str, nn.Module], inputs: Inputs
) -> None:
    calls: dict[Hashable, Callable[[], object]] = {}
    servings = {}
    limited = {}
    for cell, layer in layers.items():
        for packed, x in inputs.by_kind():
            with _noting(report, cell, shape, mode):
                call = make_call(layer, x, mode)
                servings[cell, packed] = serving(layer, call)  # runs it, so that it is warm too
                calls[cell, packed] = call
        if "limit" in report.plan.measures and cell != REFERENCE and (cell, False) in calls:
            with _noting(report, cell, shape, f"limit, {mode}"):
                calls |= parts_of(layer, cell, shape, mode)
                limited[cell] = layer
    if not calls:
        return
    clock = clock_of(inputs.padded.device)
    taken = interleaved(calls, clock, report.plan.repeats, report.plan.seconds)
    for (cell, packed), serves in servings.items():
        report.entries.append(Entry(cell, shape, mode, packed, taken[cell, packed], serves))
    for cell, layer in limited.items():
        report.limits.append(as_limit(layer, cell, shape, mode, taken))


def _sentence(error: Exception) -> str:
    """Return the first line of an error's message, behind its type unless it is ours."""
    line = next(iter(str(error).splitlines()), "")
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in line:
        return "there is not enough memory"
    if isinstance(error, RnnswapError):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def device_of(name: str) -> torch.device:
    """Return the device, and make it the current one if it is a CUDA device.

    Raises:
        OptionError: It is not "cpu", "cuda" or "cuda:N", or does not exist.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if name != "cpu" and device.type != "cuda":
        raise OptionError(f"device {name!r} is not cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"there is no device {name!r}: torch sees {torch.cuda.device_count()} CUDA devices here"
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _check_memory(plan: Plan, shape: Shape) -> None:
    """Refuse what cannot fit, before a system that promises any memory ends the process.

    Counts what nn.LSTM alone holds of one layer: its input, four gates and its weights; in
    training the gradients of gates and weights as well.
    """
    if plan.device != "cpu" or not hasattr(os, "sysconf") or plan.measures == ("overhead",):
        return
    steps, batch, inputs, hidden = shape.steps, shape.batch, shape.inputs, shape.hidden
    gates, weights = steps * batch * 4 * hidden, 4 * hidden * (inputs + hidden)
    training = plan.modes != ("forward",)
    numbers = steps * batch * inputs + (gates + weights) * (2 if training else 1)
    needed = numbers * getattr(torch, plan.dtype).itemsize
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise OptionError(
            f"shape {shape} needs more than {needed / 2**30:.0f} GiB of memory, "
            f"this machine has {there / 2**30:.0f}"
        )


@contextlib.contextmanager
def threads(wanted: int | None) -> Iterator[None]:
    """Let torch use so many threads in the block; None leaves its number."""
    before = torch.get_num_threads()
    if wanted is not None:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
