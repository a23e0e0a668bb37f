"""The matrix products that no implementation of a recurrence can do without, as torch does them.

A step's recurrent product needs the state that the step before it made, so there are T of them, one
after the other, of B rows each; those of the input and of the weights' gradients have all T B rows
at once. Each is one torch.mm into memory that is there already, with weights and threads warm.
For a cell whose recurrence is element-wise (weight_hh is one column) the loop is bound by memory:
its limit is the time in which torch copies as many bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.bench.plan import Shape
from rnnswap.bench.timing import Samples

#: What each product is, G being the rows of the weights: gates x H.
LEGEND = {
    "x W": "(T B, I) x (I, G), once",
    "h U": "(B, H) x (H, G), T times",
    "d U": "(B, G) x (G, H), T times",
    "dU": "(G, T B) x (T B, H), once",
    "dW": "(G, T B) x (T B, I), once",
    "dx": "(T B, G) x (G, I), once",
    "copy": "as many bytes copied as the loops read and write at least",
}
#: The products of T steps, were all T B rows there at once; no recurrence allows it.
AT_ONCE = {"h U": "h U at once", "d U": "d U at once"}


@dataclass(frozen=True, slots=True)
class Limit:
    """The least that a cell's time at a shape in a mode consists of, in seconds.

    Args:
        cell: Its name.
        shape: And what follows: as of the entry that it belongs to.
        mode: As above.
        parts: Seconds of each unavoidable part, by its name in `LEGEND`.
        at_once: The same with the steps' products as one product each.
        moved: Bytes that the loops read and write at least; 0 where products bound them.
    """

    cell: str
    shape: Shape
    mode: str
    parts: dict[str, float]
    at_once: dict[str, float]
    moved: int


@dataclass(frozen=True, slots=True)
class _Memory:
    """Tensors of the right sizes; what is in them does not matter, but for denormal numbers."""

    x: Tensor  # (T, B, I)
    gates: Tensor  # (T, B, G)
    states: Tensor  # (T, B, H)


_Calls = dict[str, list[Callable[[], object]]]


def parts_of(
    layer: nn.Module, cell: str, shape: Shape, mode: str
) -> dict[Hashable, Callable[[], object]]:
    """Return what is to be timed for a layer of one layer and direction, each run once.

    A part comes in several ways, such as with a weight as it lies and a transposed copy; the
    fastest counts. The keys are (cell, part, number of the way).
    """
    found: dict[Hashable, Callable[[], object]] = {
        (cell, name, number): call
        for name, calls in _parts(layer, shape, mode).items()
        for number, call in enumerate(calls)
    }
    for call in found.values():
        call()
    return found


def _parts(layer: nn.Module, shape: Shape, mode: str) -> _Calls:
    w_ih, w_hh = (getattr(layer, name).detach() for name in ("weight_ih_l0", "weight_hh_l0"))
    widths = (shape.inputs, w_ih.shape[0], shape.hidden)
    memory = _Memory(*(_filled(w_ih, shape.steps, shape.batch, width) for width in widths))
    training = mode != "forward"
    parts: _Calls = {"x W": [_rows(memory.x, w, memory.gates) for w in _layouts(w_ih.t())]}
    if w_hh.shape == (w_ih.shape[0], shape.hidden):
        parts |= _recurrent(memory, w_hh, training)
    else:
        parts["copy"] = [_copies(memory.states, _moved(training))]
    if training:
        parts["dW"] = _weight(memory.gates, memory.x)
    if mode == "training-dx":
        parts["dx"] = [_rows(memory.gates, w, memory.x) for w in _layouts(w_ih)]
    return parts


def as_limit(
    layer: nn.Module, cell: str, shape: Shape, mode: str, taken: Mapping[Any, Samples]
) -> Limit:
    """Return the record of the parts that were timed, among others, under their keys."""
    seconds: dict[str, float] = {}
    for key, samples in taken.items():
        if key[0] == cell and len(key) == 3:
            seconds[key[1]] = min(samples.median, seconds.get(key[1], inf))
    stepwise = {name: value for name, value in seconds.items() if name not in AT_ONCE.values()}
    at_once = {name: seconds.get(AT_ONCE.get(name, name), v) for name, v in stepwise.items()}
    weight: Tensor = layer.weight_ih_l0  # type: ignore[assignment]
    state = shape.steps * shape.batch * shape.hidden * weight.element_size()
    moved = _moved(mode != "forward") * state if "copy" in stepwise else 0
    return Limit(cell, shape, mode, stepwise, at_once, moved)


def _moved(training: bool) -> int:
    """Return how many times an element-wise loop reads or writes (T, B, H) values at least.

    Forward reads the projected input and writes the states; backward reads the states and the
    output's gradient, and writes the projected input's.
    """
    return 5 if training else 2


def _recurrent(memory: _Memory, w_hh: Tensor, training: bool) -> _Calls:
    layouts = {"h U": _layouts(w_hh.t()), "d U": _layouts(w_hh) if training else []}
    pairs = {"h U": (memory.states, memory.gates), "d U": (memory.gates, memory.states)}
    parts: _Calls = {}
    for name, (source, target) in pairs.items():
        if layouts[name]:
            parts[name] = [_steps(source, w, target) for w in layouts[name]]
            parts[AT_ONCE[name]] = [_rows(source, w, target) for w in layouts[name]]
    if training:
        parts["dU"] = _weight(memory.gates, memory.states)
    return parts


def _filled(like: Tensor, *shape: int) -> Tensor:
    return torch.full(shape, 0.5, dtype=like.dtype, device=like.device)


def _layouts(weight: Tensor) -> tuple[Tensor, ...]:
    """Return a matrix as it lies, and with its other dimension contiguous."""
    return weight, weight.t().contiguous().t()


def _rows(source: Tensor, weight: Tensor, target: Tensor) -> Callable[[], object]:
    """Multiply all T B rows at once."""
    flat, out = source.flatten(0, 1), torch.empty_like(target).flatten(0, 1)

    @torch.inference_mode()
    def product() -> None:
        torch.mm(flat, weight, out=out)

    return product


def _steps(source: Tensor, weight: Tensor, target: Tensor) -> Callable[[], object]:
    """Multiply the B rows of each step, step after step."""
    pairs = list(zip(source, torch.empty_like(target), strict=True))

    @torch.inference_mode()
    def products() -> None:
        for rows, out in pairs:
            torch.mm(rows, weight, out=out)

    return products


def _weight(gates: Tensor, source: Tensor) -> list[Callable[[], object]]:
    """Multiply what gives a weight's gradient, or its transpose."""
    d, s = gates.flatten(0, 1), source.flatten(0, 1)
    pairs = ((d.t(), s), (s.t(), d))

    def product(left: Tensor, right: Tensor) -> Callable[[], object]:
        out = left.new_empty(left.shape[0], right.shape[1])
        return torch.inference_mode()(lambda: torch.mm(left, right, out=out))

    return [product(left, right) for left, right in pairs]


def _copies(states: Tensor, moved: int) -> Callable[[], object]:
    """Copy so many values that `moved` times (T, B, H) of them are read or written."""
    source = states.flatten()
    target = torch.empty_like(source)
    half = source.numel() // 2

    @torch.inference_mode()
    def copies() -> None:
        for _ in range(moved // 2):
            target.copy_(source)
        if moved % 2:
            target[:half].copy_(source[:half])

    return copies
