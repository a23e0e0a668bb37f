"""What a clipping policy is, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """What clipping did at one step, as 0-d tensors on the gradients' device.

    Reading a number out of one (`float(result.norm_before)`) waits for the device; nothing here
    does.

    Args:
        norm_before: Norm of all gradients together before clipping: the norm the policy bounds,
            or the 2-norm where it bounds none.
        norm_after: The same after clipping.
        share: Share of the gradients' elements that were changed, 0 to 1.
    """

    __module__ = "rnnswap.clip"

    norm_before: Tensor
    norm_after: Tensor
    share: Tensor

    @property
    def clipped(self) -> Tensor:
        """Whether anything was changed: a boolean 0-d tensor."""
        return self.share > 0

    def divided(self, scale: Tensor) -> ClipResult:
        """Return the result for gradients `scale` times smaller."""
        scale = scale.to(self.norm_before.device)
        return ClipResult(self.norm_before / scale, self.norm_after / scale, self.share)


class Removable(Protocol):
    """Something with an end: what `ClipPolicy.watch` returns."""

    def remove(self) -> None:
        """End it; a second call does nothing."""


class ClipPolicy(ABC):
    """A way to bound gradients; subclass it to publish another.

    A policy is compared by what it was constructed with, and `parse(str(policy))` equals it. One
    policy may serve several optimizers.

    `acts_at` says when the gradients are changed: at the "step" (immediately before the optimizer
    uses them), at each "backward", or "never".
    """

    __module__ = "rnnswap.clip"

    acts_at: ClassVar[Literal["step", "backward", "never"]] = "step"

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

    def watch(self, parameter: Tensor) -> Removable:
        """Start to act on each backward through `parameter`; only if `acts_at` is "backward".

        Args:
            parameter: A tensor that requires a gradient.

        Returns:
            What ends it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not act at each backward")


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
