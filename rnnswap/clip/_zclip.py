"""`zclip:Z`: a norm is clipped when it is an outlier among those before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rnnswap import policy_text
from rnnswap.clip._gradients import Gradients, as_tensor, gradients, total_of
from rnnswap.clip._norm import scaled_under
from rnnswap.clip._policy import ClipPolicy, ClipResult, check_state, number, positive
from rnnswap.errors import ClipError

_EPSILON = 1e-6
_KEPT = ("count", "mean", "var")


@dataclass(frozen=True)
class ZClip(ClipPolicy):
    """Scale all gradients when their 2-norm lies `z` standard deviations above its mean (ZClip).

    With x = |g|, mean m and standard deviation s of the norms before, and q = (x - m) / (s + 1e-6):
    where q > z, g <- g * t / (x + 1e-6) with t = m + z s / (q / z), so that larger outliers are
    bounded more strictly (Kumar et al. 2025). Mean and variance are exponential moving averages of
    min(x, t), started from the first `warmup` norms, during which nothing is clipped. Norms that
    are not finite are left out.

    Args:
        z: Standard deviations above the mean from which a norm is an outlier, > 0; the paper's
            is 2.5.
        alpha: How much of the averages is kept at a step, above 0 and below 1.
        warmup: Norms from which the averages start, 1 or more.

    Raises:
        ClipError: An argument is out of its bounds.

    Example:
        >>> str(ZClip(2.5))
        'zclip:2.5'
    """

    __module__ = "rnnswap.clip"

    bounds_total = True

    z: float
    alpha: float = 0.97
    warmup: int = 25
    _norms: _Averages = field(
        default_factory=lambda: _Averages(), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "z", positive("zclip", "z", self.z))
        alpha = number("zclip", "alpha", self.alpha)
        if not 0 < alpha < 1:
            raise ClipError(f"clipping policy zclip: alpha must lie between 0 and 1, got {alpha!r}")
        if isinstance(self.warmup, bool) or not isinstance(self.warmup, int) or self.warmup < 1:
            raise ClipError(
                f"clipping policy zclip: warmup must be a whole number > 0, got {self.warmup!r}"
            )
        object.__setattr__(self, "alpha", alpha)

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Scale in place; sparse gradients are refused."""
        grads = Gradients(gradients(parameters), str(self))
        norms = grads.norms(exact=True)
        total = total_of(norms)
        limit = self._norms.limit(total, self)
        self._norms.add(total, torch.minimum(total, limit), self)
        return scaled_under(limit, grads, norms, total)

    def fresh(self) -> ZClip:
        """Return this policy with no norms seen."""
        return dataclasses.replace(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the count of norms seen, their mean and their variance."""
        return self._norms.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the averages of `state_dict`."""
        check_state(str(self), state, _KEPT)
        self._norms.load(state)

    def __str__(self) -> str:
        text = f"zclip:{policy_text.format_number(self.z)}"
        if self.alpha != 0.97:
            text += f",alpha={policy_text.format_number(self.alpha)}"
        return text if self.warmup == 25 else f"{text},warmup={self.warmup}"


class _Averages:
    """Mean and variance of norms, 0-d tensors beside the gradients."""

    def __init__(self) -> None:
        self._count = self._mean = self._var = torch.zeros((), dtype=torch.float32, device="cpu")

    def limit(self, norm: Tensor, policy: ZClip) -> Tensor:
        """Return the bound for `norm`: infinity where it is no outlier."""
        self._come_to(norm)
        deviation = self._var.sqrt()
        q = (norm - self._mean) / (deviation + _EPSILON)
        outlier = (q > policy.z) & (self._count >= policy.warmup)
        return torch.where(outlier, self._mean + policy.z * deviation / (q / policy.z), torch.inf)

    def add(self, norm: Tensor, bounded: Tensor, policy: ZClip) -> None:
        """Take the bounded norm into the averages if `norm` is finite."""
        starting = self._count < policy.warmup
        # Over the first norms each has the same weight, after them the newest has 1 - alpha.
        weight = torch.where(starting, 1 / (self._count + 1), 1 - policy.alpha)
        mean = torch.lerp(self._mean, bounded, weight)
        distance = torch.where(starting, bounded - self._mean, bounded - mean)
        spread = (bounded - mean) * distance
        var = torch.lerp(self._var, spread, weight)
        finite = norm.isfinite()
        self._mean = torch.where(finite, mean, self._mean)
        self._var = torch.where(finite, var, self._var)
        self._count = self._count + finite

    def state_dict(self) -> dict[str, Any]:
        values = (self._count, self._mean, self._var)
        return {key: value.clone() for key, value in zip(_KEPT, values, strict=True)}

    def load(self, state: Mapping[str, Any]) -> None:
        values = (as_tensor(state[key], torch.float32).clone() for key in _KEPT)
        self._count, self._mean, self._var = values

    def _come_to(self, norm: Tensor) -> None:
        if self._mean.device != norm.device or self._mean.dtype != norm.dtype:
            values = (self._count, self._mean, self._var)
            self._count, self._mean, self._var = (value.to(norm) for value in values)
