"""The best loops we could write by hand for each clipping policy's equation.

Each takes the parameters once and returns what clips their gradients: with torch's functions for
lists of tensors where there are any, statistics as plain numbers on the host.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Clip = Callable[[], Any]


def value(parameters: list[Tensor]) -> Clip:
    """Torch's own."""
    return lambda: torch.nn.utils.clip_grad_value_(parameters, 1e3)


def norm(parameters: list[Tensor]) -> Clip:
    """Torch's own."""
    return lambda: torch.nn.utils.clip_grad_norm_(parameters, 1e6)


@torch.no_grad()
def range_(parameters: list[Tensor]) -> Clip:
    """Clamp from below, then from above."""

    def clip() -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        torch._foreach_clamp_min_(grads, -1e3)
        torch._foreach_clamp_max_(grads, 1e3)

    return clip


def hook(parameters: list[Tensor]) -> Clip:
    """A hook on each parameter, and the backward that runs it."""
    own: list[Tensor] = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for parameter in own:
        parameter.register_hook(lambda g: g.clamp(-1e3, 1e3))  # type: ignore[no-untyped-call]
    loss = torch.stack([p.sum() for p in own]).sum()

    def clip() -> None:
        for parameter in own:
            parameter.grad = None
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]

    return clip


def layer_norm(parameters: list[Tensor]) -> Clip:
    """Norms of all, factors of all, products of all."""

    def clip() -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        norms = torch.stack(torch._foreach_norm(grads))
        factors = (1e6 / (norms + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(grads, list(factors.unbind()))

    return clip


@torch.no_grad()
def agc(parameters: list[Tensor]) -> Clip:
    """Norms of rows one by one, all else on all."""

    def rows(tensor: Tensor) -> Tensor:
        norms: Tensor
        if tensor.dim() < 2:
            norms = torch.linalg.vector_norm(tensor)
        else:
            norms = torch.linalg.vector_norm(tensor, dim=1, keepdim=True)
        return norms

    def clip() -> None:
        with torch.no_grad():
            grads = [p.grad for p in parameters if p.grad is not None]
            limits = [rows(p) for p in parameters]
            torch._foreach_clamp_min_(limits, 1e-3)
            torch._foreach_mul_(limits, 1e6)
            torch._foreach_div_(limits, [rows(g) for g in grads])
            torch._foreach_clamp_max_(limits, 1.0)
            torch._foreach_mul_(grads, limits)

    return clip


def percentile(parameters: list[Tensor]) -> Clip:
    """A sorted list, as the norm is a number on the host."""
    seen: list[float] = []

    def clip() -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        total = torch.nn.utils.get_total_norm(grads)
        bisect.insort(seen, total.item())
        rank = (len(seen) - 1) * 1.0
        low = math.floor(rank)
        limit = seen[low] + (seen[math.ceil(rank)] - seen[low]) * (rank - low)
        torch.nn.utils.clip_grads_with_norm_(parameters, limit, total)

    return clip


def zclip(parameters: list[Tensor]) -> Clip:
    """Averages as numbers on the host."""
    first: list[float] = []
    state = {"mean": 0.0, "var": 0.0}

    def clip() -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        total = torch.nn.utils.get_total_norm(grads)
        size = limit = total.item()
        if len(first) < 25:
            first.append(size)
            state["mean"], state["var"] = statistics.fmean(first), statistics.pvariance(first)
        else:
            score = (size - state["mean"]) / (math.sqrt(state["var"]) + 1e-6)
            if score > 2.5:
                limit = state["mean"] + 2.5 * math.sqrt(state["var"]) / (score / 2.5)
            state["mean"] = 0.97 * state["mean"] + 0.03 * limit
            state["var"] = 0.97 * state["var"] + 0.03 * (limit - state["mean"]) ** 2
        torch.nn.utils.clip_grads_with_norm_(parameters, limit, total)

    return clip


BY_HAND: dict[str, Callable[[list[Tensor]], Clip]] = {
    "value": value,
    "range": range_,
    "hook": hook,
    "norm": norm,
    "layer-norm": layer_norm,
    "agc": agc,
    "percentile": percentile,
    "zclip": zclip,
}
