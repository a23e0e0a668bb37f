"""`percentile:P`: AutoClip, a bound that follows the norms seen so far."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rnnswap import policy_text
from rnnswap.clip import _gradients
from rnnswap.clip._gradients import Gradients, as_tensor, gradients, total_of
from rnnswap.clip._norm import scaled_under
from rnnswap.clip._policy import ClipPolicy, ClipResult, check_state, number
from rnnswap.errors import ClipError

_FIRST_ROOM = 256


@dataclass(frozen=True)
class PercentileClip(ClipPolicy):
    """Scale all gradients so their 2-norm stays under a percentile of all norms so far (AutoClip).

    g <- g * min(1, t / (|g| + 1e-6)), t the `percent`-th percentile, with linear interpolation, of
    the norms of every step up to this one, this one included (Seetharaman et al. 2020). Norms that
    are not finite are left out. The norms are kept sorted beside the gradients, 4 bytes a step.

    Args:
        percent: 0 to 100; the paper's is 10.

    Raises:
        ClipError: `percent` is not a number from 0 to 100.

    Example:
        >>> str(PercentileClip(10))
        'percentile:10.0'
    """

    __module__ = "rnnswap.clip"

    bounds_total = True

    percent: float
    _seen: _Sorted = field(default_factory=lambda: _Sorted(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        percent = number("percentile", "percent", self.percent)
        if not 0 <= percent <= 100:
            raise ClipError(
                f"clipping policy percentile: percent must lie between 0 and 100, got {percent!r}"
            )
        object.__setattr__(self, "percent", percent)

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Scale in place; sparse gradients are refused."""
        grads = Gradients(gradients(parameters), str(self))
        norms = grads.norms(exact=True)
        total = total_of(norms)
        self._seen.add(total)
        return scaled_under(self._seen.percentile(self.percent), grads, norms, total)

    def fresh(self) -> PercentileClip:
        """Return this policy with no norms seen."""
        return dataclasses.replace(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the norms seen, sorted, and their count."""
        return self._seen.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the norms of `state_dict`."""
        check_state(str(self), state, ("norms", "count"))
        self._seen.load(state["norms"], state["count"])

    def __str__(self) -> str:
        return f"percentile:{policy_text.format_number(self.percent)}"


class _Sorted:
    """Numbers in order, on their device, where also their count is: some were not finite."""

    def __init__(self) -> None:
        self._norms = torch.full((_FIRST_ROOM,), torch.inf, dtype=torch.float32, device="cpu")
        self._count = torch.zeros((), dtype=torch.int64, device="cpu")
        #: How many there are at most.
        self._added = 0

    def add(self, norm: Tensor) -> None:
        """Insert `norm` in its place if it is finite."""
        self._make_room(norm)
        if _gradients.can_be_asked(norm):
            self._insert(norm)
            return
        finite = norm.isfinite()
        # Behind the numbers stands infinity: to insert it is to change nothing.
        value = torch.where(finite, norm, torch.inf)
        place = torch.searchsorted(self._norms, value)
        index = torch.arange(len(self._norms), device=norm.device)
        later = torch.where(index == place, value, self._norms.roll(1))
        self._norms = torch.where(index < place, self._norms, later)
        self._count = self._count + finite

    def _insert(self, norm: Tensor) -> None:
        """Insert a number that can be read at once; only what is greater moves."""
        if not math.isfinite(norm):
            return
        count = int(self._count)
        place = int(torch.searchsorted(self._norms[:count], norm))
        self._norms[place + 1 : count + 1] = self._norms[place:count].clone()
        self._norms[place] = norm
        self._count = self._count + 1

    def percentile(self, percent: float) -> Tensor:
        """Return the percentile with linear interpolation; infinity if there is no number."""
        # MPS has no float64; elsewhere a million steps are ranked without losing digits.
        exact = torch.float32 if self._count.device.type == "mps" else torch.float64
        rank = ((self._count - 1).to(exact) * (percent / 100)).clamp(min=0)
        below = rank.floor()
        low = self._norms.take(below.long())
        high = self._norms.take(torch.minimum(below + 1, (self._count - 1).clamp(min=0)).long())
        # Not for infinity, of which no part can be taken.
        return torch.where(self._count > 0, low.lerp(high, (rank - below).to(low.dtype)), low)

    def state_dict(self) -> dict[str, Any]:
        return {"norms": self._norms[: self._added].clone(), "count": self._count.clone()}

    def load(self, norms: Tensor, count: Tensor) -> None:
        self._added = len(norms)
        self._count = as_tensor(count, torch.int64).clone()
        self._norms = torch.cat([norms, norms.new_full((_FIRST_ROOM,), torch.inf)])

    def _make_room(self, norm: Tensor) -> None:
        dtype = torch.promote_types(norm.dtype, self._norms.dtype)
        self._norms = self._norms.to(norm.device, dtype)
        self._count = self._count.to(norm.device)
        self._added += 1
        if self._added >= len(self._norms):
            more = torch.full_like(self._norms, torch.inf)
            self._norms = torch.cat([self._norms, more])
