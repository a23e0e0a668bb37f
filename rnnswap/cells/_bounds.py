"""IndRNN's ranges: the bound on u, where u starts, and the clamp on gradients."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnnswap.cells._arguments import is_finite
from rnnswap.errors import OptionError

#: (low, high), or the same as text: "0.5,1".
Range = tuple[float, float] | str

_NONLINEARITIES = ("relu", "tanh")


def check_bounds(
    nonlinearity: str, recurrent_max: float | None, recurrent_min: float | None
) -> None:
    """Refuse an unknown activation and bounds that no |u| can satisfy.

    Raises:
        OptionError: One is out of range.
    """
    if nonlinearity not in _NONLINEARITIES:
        raise OptionError(f"nonlinearity must be relu or tanh, got {nonlinearity!r}")
    if recurrent_max is not None and not (is_finite(recurrent_max) and recurrent_max > 0):
        raise OptionError(f"recurrent_max must be a number greater than 0, got {recurrent_max!r}")
    if recurrent_min is None:
        return
    if not (is_finite(recurrent_min) and recurrent_min >= 0):
        raise OptionError(f"recurrent_min must be a number at least 0, got {recurrent_min!r}")
    if recurrent_max is not None and recurrent_min > recurrent_max:
        raise OptionError(
            f"recurrent_min {recurrent_min} is greater than recurrent_max {recurrent_max}"
        )


def as_range(name: str, given: Range | None) -> tuple[float, float] | None:
    """Return (low, high) with 0 <= low <= high, read from a pair or from text; None stays None.

    Raises:
        OptionError: It is not such a pair.
    """
    pair = _as_pair(name, given)
    if pair is not None and not (0 <= pair[0] <= pair[1] and is_finite(pair[1])):
        raise OptionError(f"{name} must be (low, high) with 0 <= low <= high, got {given!r}")
    return pair


def as_clip_range(given: Range | float | None) -> tuple[float, float] | None:
    """Return the bounds of gradients: (-x, x) for a number, else the pair; None stays None.

    Raises:
        OptionError: Not a positive number, nor a pair with low <= 0 <= high.
    """
    if isinstance(given, str) and "," not in given:
        given = _as_float("gradient_clip", given)
    if isinstance(given, bool):
        raise OptionError(f"gradient_clip takes numbers, got {given!r}")
    if isinstance(given, numbers.Real):
        given = (-float(given), float(given))
    pair = _as_pair("gradient_clip", given)
    if pair is not None and not (pair[0] <= 0 <= pair[1] and pair[0] < pair[1]):
        raise OptionError(
            f"gradient_clip must be a positive number or (low, high) around 0, got {given!r}"
        )
    return pair


def initial_range(
    drawn: tuple[float, float] | None, recurrent_max: float | None, recurrent_min: float | None
) -> tuple[float, float]:
    """Return the range from which u is drawn: as asked, else (0, 1), moved within the bounds."""
    low, high = drawn or (0.0, 1.0)
    least = recurrent_min or 0.0
    most = float("inf") if recurrent_max is None else recurrent_max
    return min(max(low, least), most), min(max(high, least), most)


def bounded(u: Tensor, recurrent_max: float | None, recurrent_min: float | None) -> Tensor:
    """Return u with |u| within the bounds, the gradient passing as if there were none."""
    if recurrent_max is None and recurrent_min is None:
        return u
    held = u.detach()
    size = held.abs().clamp(recurrent_min, recurrent_max)
    # The value used is exactly the bounded one; the difference, zero, carries the gradient. Of an
    # infinite u there is none.
    through = torch.where(held.isfinite(), u - held, 0.0)
    return torch.where(held < 0, -size, size) + through


def clip_gradient(weight: Tensor, low: float, high: float) -> Tensor:
    """Return `weight`, its gradient clamped to [low, high]."""
    result: Tensor
    if torch.compiler.is_compiling():  # Dynamo takes no Function with a jvp of its own
        result = _ClipGradient.apply(weight, low, high)  # type: ignore[no-untyped-call]
    else:
        result = _ClipGradientWithTangent.apply(weight, low, high)  # type: ignore[no-untyped-call]
    return result


class _ClipGradient(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(weight: Tensor, low: float, high: float) -> Tensor:
        return weight.view_as(weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, ctx.low, ctx.high = inputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0].clamp(ctx.low, ctx.high), None, None


class _ClipGradientWithTangent(_ClipGradient):
    generate_vmap_rule = True

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        tangent: Tensor = tangents[0]
        return tangent.view_as(tangent)


def _as_pair(name: str, given: Any) -> tuple[float, float] | None:
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    # Of any library: what has a length and an order.
    ordered = hasattr(parts, "__getitem__") and not isinstance(parts, Mapping)
    if not ordered or not hasattr(parts, "__len__") or len(parts) != 2:
        raise OptionError(f"{name} must be a pair (low, high), got {given!r}")
    return _as_float(name, parts[0]), _as_float(name, parts[1])


def _as_float(name: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError, RuntimeError):
        raise OptionError(f"{name} takes numbers, got {given!r}") from None
