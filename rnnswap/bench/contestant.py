"""Layers and inputs of one shape, and the calls on them that are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnnswap import discovery
from rnnswap.bench.plan import REFERENCE, Plan, Shape


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the layers of one shape are given; the same for all of them.

    Args:
        padded: (T, B, I).
        packed: The same rows cut to their lengths, if asked for.
    """

    padded: Tensor
    packed: PackedSequence | None

    def by_kind(self) -> Iterator[tuple[bool, Tensor | PackedSequence]]:
        """Yield whether it is packed, and the input."""
        yield False, self.padded
        if self.packed is not None:
            yield True, self.packed


def make_inputs(plan: Plan, shape: Shape) -> Inputs:
    """Draw x from N(0, 1) and lengths uniformly from [T/2, T], alike in every run."""
    generator = torch.Generator().manual_seed(0)
    size = (shape.steps, shape.batch, shape.inputs)
    x = torch.randn(size, generator=generator)
    x = x.to(plan.device, getattr(torch, plan.dtype))
    if not plan.packed:
        return Inputs(x, None)
    low = (shape.steps + 1) // 2
    lengths = torch.randint(low, shape.steps + 1, (shape.batch,), generator=generator)
    lengths[0] = shape.steps  # so that both inputs have T steps
    return Inputs(x, pack_padded_sequence(x, lengths, enforce_sorted=False))


def make_layer(plan: Plan, cell: str, shape: Shape) -> nn.Module:
    """Construct a cell's layer, or for `REFERENCE` torch's own, with weights drawn alike."""
    torch.manual_seed(0)
    arguments = plan.layer_arguments()
    arguments |= {"device": plan.device, "dtype": getattr(torch, plan.dtype)}
    layer: nn.Module
    if cell == REFERENCE:
        layer = nn.LSTM(shape.inputs, shape.hidden, **arguments)
    else:
        made = discovery.get_cell(cell)
        layer = made(shape.inputs, shape.hidden, **arguments, **plan.options)
    return layer


def make_call(layer: nn.Module, x: Tensor | PackedSequence, mode: str) -> Callable[[], object]:
    """Return what is timed: a forward pass, or a training step without an optimizer.

    "forward" is eval and inference mode; "training" is zero_grad(set_to_none), forward and
    sum().backward() with an input that needs no gradient; in "training-dx" it needs one.
    """
    layer.train(mode != "forward")
    if mode == "forward":

        @torch.inference_mode()
        def forward() -> None:
            layer(x)

        return forward
    x, leaf = _with_gradient(x, mode == "training-dx")

    def step() -> None:
        layer.zero_grad(set_to_none=True)
        leaf.grad = None
        output: Any = layer(x)[0]
        (output.data if isinstance(output, PackedSequence) else output).sum().backward()

    return step


def _with_gradient(
    x: Tensor | PackedSequence, needed: bool
) -> tuple[Tensor | PackedSequence, Tensor]:
    """Return x over a leaf of its own, and the leaf."""
    if isinstance(x, PackedSequence):
        leaf = x.data.detach().clone().requires_grad_(needed)
        return PackedSequence(leaf, *x[1:]), leaf
    leaf = x.detach().clone().requires_grad_(needed)
    return leaf, leaf
