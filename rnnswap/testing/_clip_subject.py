"""The clipping policy under test, and how it is made to act."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnswap import clip
from rnnswap.testing._compare import require

#: Gradients of several shapes: a vector, a matrix, one number, none at all.
SHAPES = ((5,), (4, 3), (), (0,))


class ClipSubject:
    """A policy under test.

    Args:
        policy: Copied for every check, so that none sees another's statistics.
        registered: Whether `parse` knows its name.
    """

    #: Policies declare nothing.
    unsupported: frozenset[str] = frozenset()

    def __init__(self, policy: clip.ClipPolicy, registered: bool) -> None:
        self._policy = policy
        self.registered = registered

    def policy(self) -> clip.ClipPolicy:
        """Return the policy without statistics."""
        return copy.deepcopy(self._policy).fresh()


def gradients(
    scale: float = 1.0,
    dtype: torch.dtype = torch.float64,
    shapes: Sequence[tuple[int, ...]] = SHAPES,
) -> list[Tensor]:
    """Return random gradients."""
    return [scale * torch.randn(shape, dtype=dtype) for shape in shapes]


def run_steps(
    policy: clip.ClipPolicy, steps: Iterable[Sequence[Tensor | None]]
) -> list[tuple[list[Tensor | None], Any]]:
    """Attach the policy to an optimizer, give it gradients by backward, and step.

    Args:
        policy: Keeps its statistics.
        steps: For each step a gradient, or None, for each parameter.

    Returns:
        For each step the gradients that the optimizer used, and the ClipResult.
    """
    steps = [list(step) for step in steps]
    parameters = [
        torch.ones_like(g if g is not None else torch.zeros(2)).requires_grad_() for g in steps[0]
    ]
    optimizer = torch.optim.SGD(parameters, lr=0.0)
    found: list[tuple[list[Tensor | None], Any]] = []
    with clip.attach(policy, optimizer, measure=True) as handle, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gradients that are not finite
        for given in steps:
            optimizer.zero_grad()
            for parameter, gradient in zip(parameters, given, strict=True):
                if gradient is not None:
                    torch.autograd.backward(parameter, gradient)
            optimizer.step()
            used = [None if p.grad is None else p.grad.clone() for p in parameters]
            found.append((used, handle.last))
            with torch.no_grad():
                for parameter in parameters:
                    parameter.fill_(1.0)  # 0 times a NaN is one
    return found


def flat(tensors: Iterable[Tensor | None]) -> Tensor:
    """Return all elements as one float64 vector."""
    given = [t.detach().double().flatten() for t in tensors if t is not None]
    return torch.cat(given)


def require_result(result: Any, what: str) -> None:
    """Fail unless it is a ClipResult of three numbers."""
    kind = isinstance(result, clip.ClipResult)
    require(kind, f"expected a ClipResult {what}, got {type(result).__name__}")
    for name in ("norm_before", "norm_after", "share"):
        value = getattr(result, name)
        number = isinstance(value, Tensor) and value.dim() == 0
        require(number, f"expected {name} to be a 0-d tensor {what}, got {value!r}")
