"""`value:LIMIT`: every element on its own, symmetric, at the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnswap import policy_text
from rnnswap.clip._measure import gradients, parts, refuse_unclampable, share_of, total_norm
from rnnswap.clip._policy import ClipPolicy, ClipResult, positive

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class ValueClip(ClipPolicy):
    """Clamp every element of every gradient to [-limit, limit], as torch's clip_grad_value_.

    Args:
        limit: Largest absolute value allowed, > 0.

    Raises:
        ClipError: `limit` is not a number above zero.

    Example:
        >>> str(ValueClip(0.5))
        'value:0.5'
    """

    __module__ = "rnnswap.clip"

    limit: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", positive("value", "limit", self.limit))

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Clamp in place; sparse and complex gradients are refused."""
        grads = gradients(parameters)
        for grad in grads:
            refuse_unclampable(str(self), grad)
        large, copies = parts(grads)
        measured = [*large, *copies]
        before = total_norm(measured)
        share = share_of([torch.count_nonzero(m.abs() > self.limit) for m in measured], grads)
        torch.nn.utils.clip_grad_value_(parameters, self.limit)
        for copy in copies:
            copy.clamp_(-self.limit, self.limit)
        return ClipResult(before, total_norm(measured), share)

    def __str__(self) -> str:
        return f"value:{policy_text.format_number(self.limit)}"
