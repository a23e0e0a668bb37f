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
from rnnswap.bench.memory import peak_of
from rnnswap.bench.overhead import SMALLEST, overhead_of
from rnnswap.bench.plan import REFERENCE, Plan, Shape
from rnnswap.bench.report import Entry, Failure, Report
from rnnswap.bench.serving import serving
from rnnswap.bench.timing import clock_of, interleaved
from rnnswap.errors import OptionError, RnnswapError, UnsupportedError

#: Told before each group of measurements what comes, in words.
Progress = Callable[[str], None]


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
        if {"time", "limit"} & set(plan.measures):
            for shape in plan.shapes:
                _run_shape(report, shape, device, progress)
        if "memory" in plan.measures:
            _run_memory(report, progress)
        if "overhead" in plan.measures:
            progress("overhead of a call")
            _run_overhead(report)
    return report


def _run_memory(report: Report, progress: Progress) -> None:
    for shape in report.plan.shapes:
        for cell in (REFERENCE, *report.plan.cells):
            progress(f"{shape} memory {cell}")
            try:
                report.peaks.append((cell, shape, peak_of(report.plan, cell, shape)))
            except UnsupportedError:
                raise
            except RnnswapError as error:
                report.failures.append(Failure(cell, shape, "memory", str(error)))


def _run_overhead(report: Report) -> None:
    try:
        report.overheads += overhead_of(report.plan, (REFERENCE, *report.plan.cells))
    except Exception as error:  # a stranger's layer may raise anything
        report.failures.append(Failure("a cell", SMALLEST, "overhead", _sentence(error)))


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
    calls: dict[Hashable, Callable[[], object]] = {}
    servings = {}
    for cell, layer in layers.items():
        for packed, x in inputs.by_kind():
            try:
                call = make_call(layer, x, mode)
                # Runs it, so that it is warm as well.
                servings[cell, packed] = serving(layer, call)
            except Exception as error:  # a stranger's layer may raise anything
                report.failures.append(Failure(cell, shape, mode, _sentence(error)))
                continue
            calls[cell, packed] = call
    measured = {cell: layers[cell] for cell, _ in servings if cell != REFERENCE}
    limited = measured if "limit" in report.plan.measures else {}
    for cell, layer in limited.items():
        calls |= parts_of(layer, cell, shape, mode)
    if not calls:
        return
    taken = interleaved(calls, clock_of(device), report.plan.repeats, report.plan.seconds)
    for (cell, packed), serves in servings.items():
        report.entries.append(Entry(cell, shape, mode, packed, taken[cell, packed], serves))
    for cell, layer in limited.items():
        report.limits.append(as_limit(layer, cell, shape, mode, taken))


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
