"""What a clipping policy is, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

#: When a policy changes gradients.
ActsAt = Literal["step", "backward", "never"]


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """What clipping did at one step, as tensors on the gradients' device.

    Reading a number out of one (`float(result.norm_before)`) waits for the device; nothing here
    does.

    Args:
        norm_before: Norm of all gradients together before clipping, 0-d: the norm the policy
            bounds, or the 2-norm where it bounds none.
        norm_after: The same after clipping.
        share: Share of the gradients' elements that were changed, 0 to 1; 0-d.
        norms: The norm of each parameter's gradient before clipping, in the order of the
            parameters, where the policy has computed them; else None.
    """

    __module__ = "rnnswap.clip"

    norm_before: Tensor
    norm_after: Tensor
    share: Tensor
    norms: Tensor | None = None

    @property
    def clipped(self) -> Tensor:
        """Whether anything was changed: a boolean 0-d tensor."""
        return self.share > 0

    def divided(self, scale: Tensor) -> ClipResult:
        """Return the result for gradients `scale` times smaller."""
        scale = scale.to(self.norm_before.device)
        norms = None if self.norms is None else self.norms / scale
        return ClipResult(self.norm_before / scale, self.norm_after / scale, self.share, norms)


class Removable(Protocol):
    """Something with an end: what `ClipPolicy.watch` returns."""

    def remove(self) -> None:
        """End it; a second call does nothing."""


class ClipPolicy(ABC):
    """A way to bound gradients; subclass it to publish another.

    `clip_` and `__str__` are enough. A policy is compared by what it was constructed with, and
    `parse(str(policy))` equals it. A policy that keeps statistics also has `fresh`, `state_dict`
    and `load_state_dict`; every optimizer then gets statistics of its own.

    `bounds_total` says that the bound is on a norm over all parameters of an optimizer, so that two
    optimizers of one model have two bounds.

    `acts_at` says when the gradients are changed: at the "step" (immediately before the optimizer
    uses them), at each "backward", or "never".
    """

    __module__ = "rnnswap.clip"

    bounds_total: bool = False

    @property
    def acts_at(self) -> ActsAt:
        """When the gradients are changed; a subclass may say so by a class attribute."""
        return "step"

    @abstractmethod
    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Bound the gradients of `parameters` in place and say what was done.

        Called without gradient recording, immediately before the optimizer's step, or at the end
        of the step's closure. Must not wait for the device.

        Args:
            parameters: Those of one optimizer that have a gradient; never empty.

        Raises:
            ClipError: The policy cannot bound such gradients, such as sparse ones.
        """

    @abstractmethod
    def __str__(self) -> str:
        """Return the text that `parse` reads back as this policy."""

    def bound_(self, parameters: Sequence[Tensor]) -> ClipResult | Tensor:
        """Bound as `clip_` does, when nobody asks what was done; override it where that is cheaper.

        Returns:
            The result if it cost nothing; else a tensor that is finite where the gradients were:
            one number for each of `parameters`, or one for all.
        """
        return self.clip_(parameters)

    def watch(self, parameter: Tensor) -> Removable:
        """Start to act on each backward through `parameter`; only if `acts_at` is "backward".

        Args:
            parameter: A tensor that requires a gradient.

        Returns:
            What ends it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not act at each backward")

    def measured(self, asker: object, *, wanted: bool) -> None:  # noqa: B027  (most need not know)
        """Be told whether `asker` will want to know what is done; for what acts at each backward.

        A policy that nobody has told anything measures.
        """

    def fresh(self) -> ClipPolicy:
        """Return this policy without statistics, for another optimizer; itself if it keeps none."""
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics, for a checkpoint; empty if it keeps none."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the statistics of `state_dict`.

        Raises:
            ClipError: They are not this policy's.
        """
        check_state(str(self), state, ())


def check_state(policy: str, state: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raise ClipError if `state` has not exactly these keys."""
    if set(state) != set(keys):
        expected = ", ".join(keys) or "nothing"
        raise ClipError(
            f"clipping policy {policy} keeps {expected}, the state has "
            f"{', '.join(map(str, state)) or 'nothing'}; was it saved by another policy?"
        )


def number(policy: str, name: str, value: object) -> float:
    """Return `value` as a float.

    Raises:
        ClipError: It is not a real number.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or value != value:
        raise ClipError(f"clipping policy {policy}: {name} must be a number, got {value!r}")
    return float(value)


def positive(policy: str, name: str, value: object) -> float:
    """Return `value` as a float above zero.

    Raises:
        ClipError: It is not a number above zero. A negative bound would turn descent into ascent.
    """
    checked = number(policy, name, value)
    if checked <= 0:
        raise ClipError(f"clipping policy {policy}: {name} must be > 0, got {value!r}")
    return checked


def bounds(policy: str, low: object, high: object) -> tuple[float, float]:
    """Return the bounds of a clamp as floats.

    Raises:
        ClipError: One is not a number, or 0 does not lie between them: every gradient would be
            shifted, those that are zero too.
    """
    lowest, highest = number(policy, "low", low), number(policy, "high", high)
    if not lowest <= 0 <= highest:
        raise ClipError(
            f"clipping policy {policy}: low <= 0 <= high must hold, got low={lowest!r} and "
            f"high={highest!r}, which would shift every gradient"
        )
    return lowest, highest
