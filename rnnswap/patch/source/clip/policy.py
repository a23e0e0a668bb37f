"""How a clipping policy is written into a training loop. Imports no torch."""

from __future__ import annotations

import enum
import math
from typing import NamedTuple

from rnnswap import discovery, policy_text
from rnnswap.errors import ClipError


class Kind(enum.Enum):
    """What is written for a policy."""

    NORM = "clip_grad_norm_"
    VALUE = "clip_grad_value_"
    HOOK = "register_hook"
    ATTACH = "attach"


_KINDS = {
    "rnnswap.clip:NormClip": Kind.NORM,
    "rnnswap.clip:ValueClip": Kind.VALUE,
    "rnnswap.clip:HookClip": Kind.HOOK,
}
_NOTHING = "rnnswap.clip:NoClip"

#: Words of which a text has one where a step is made out of sight: see unfollowed.py.
UNFOLLOWED = (
    *("_step(", '"step"', "'step'", "caler(", "Trainer", "_trainer(", "earner", "NeuralNet"),
)


class Clipping(NamedTuple):
    """A policy, checked, and how it is written.

    Args:
        text: The policy as text that `rnnswap.clip.parse` reads.
        kind: What is written for it.
        numbers: The numbers in source form, such as "1.0".
        p: Order of the norm in source form, empty for 2.
    """

    text: str
    kind: Kind
    numbers: tuple[str, ...] = ()
    p: str = ""

    @property
    def at_step(self) -> bool:
        """Return whether it is written before each step, not after the construction."""
        return self.kind in (Kind.NORM, Kind.VALUE)

    def words(self) -> tuple[str, ...]:
        """Return words without any of which a text has no place for the policy."""
        steps = (".step", "configure_optimizers")
        own = steps if self.at_step else (".step", "optim", "Optim", "parameters(")
        return (*own, *UNFOLLOWED)

    def arguments(self, parameters: str) -> str:
        """Return the arguments of torch's function for the policy."""
        order = f", norm_type={self.p}" if self.p else ""
        return f"{parameters}, {self.numbers[0]}{order}"


def make_clipping(text: str) -> Clipping | None:
    """Read a policy such as `norm:1.0`; None for a policy that does nothing.

    Raises:
        ClipError: The text does not follow the grammar, or a number is out of bounds.
        UnknownNameError: No such policy is installed.
        OptionError: An option is unknown or its value does not read as its type.
    """
    policy = policy_text.parse(text)
    spec = discovery.installed().policies.get(policy.name).spec
    options = policy_text.check(policy, spec)
    if spec.target == _NOTHING:
        return None
    kind = _KINDS.get(spec.target, Kind.ATTACH)
    order = options.get("p", 2.0) if kind is Kind.NORM else 2.0
    _check_bounds(kind, spec.numbers, policy.numbers)
    if not isinstance(order, float) or order <= 0:
        raise ClipError(f"clipping policy norm: p must be > 0, got {order!r}")
    numbers = tuple(_in_source(number) for number in policy.numbers)
    return Clipping(str(policy), kind, numbers, "" if order == 2 else _in_source(order))


def _check_bounds(kind: Kind, names: tuple[str, ...], numbers: tuple[float, ...]) -> None:
    """Refuse what the policies themselves refuse; their classes cannot be asked without torch."""
    if kind is Kind.HOOK:
        low, high = numbers
        if not low <= 0 <= high:
            raise ClipError(
                f"clipping policy hook: low <= 0 <= high must hold, got low={low!r} and "
                f"high={high!r}, which would shift every gradient"
            )
    elif kind is not Kind.ATTACH and numbers[0] <= 0:
        policy = "norm" if kind is Kind.NORM else "value"
        raise ClipError(f"clipping policy {policy}: {names[0]} must be > 0, got {numbers[0]!r}")


def _in_source(number: float) -> str:
    if math.isinf(number):
        return 'float("inf")' if number > 0 else 'float("-inf")'
    return policy_text.format_number(number)
