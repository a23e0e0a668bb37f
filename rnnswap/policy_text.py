"""The grammar of clipping policies, torch-free: `name[:number,...[,option=value,...]]`.

none    value:1.0    hook:-0.1,1.0    norm:1.0    norm:1.0,p=inf
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnswap.errors import ClipError
from rnnswap.spec import ClipSpec


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy as written: its name, its numbers and its options, the latter still text."""

    name: str
    numbers: tuple[float, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [format_number(n) for n in self.numbers]
        parts += [f"{key}={value}" for key, value in self.options.items()]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


def parse(text: str) -> PolicyText:
    """Read `text` by the grammar; whether such a policy exists is not asked here.

    Raises:
        ClipError: The text does not follow the grammar; says which part and what would.
    """
    if not isinstance(text, str):
        raise ClipError(f"a clipping policy is written as text such as 'norm:1.0', got {text!r}")
    name, colon, rest = text.strip().partition(":")
    name = name.strip()
    if not name:
        raise ClipError(f"clipping policy {text!r} has no name (write for example norm:1.0)")
    if colon and not rest.strip():
        raise ClipError(f"clipping policy {text!r} has nothing after the colon")
    numbers: list[float] = []
    options: dict[str, str] = {}
    for part in rest.split(",") if colon else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if equals:
            _add_option(text, options, key, value)
        elif options:
            raise ClipError(f"clipping policy {text!r}: {key!r} must stand before the options")
        else:
            numbers.append(_number(text, key))
    return PolicyText(name, tuple(numbers), options)


def check(policy: PolicyText, spec: ClipSpec) -> dict[str, object]:
    """Check that `policy` gives what `spec` asks for and return its options, parsed.

    Raises:
        ClipError: The count of numbers differs; says which are meant.
        OptionError: An option is unknown or its value does not read as its type.
    """
    if len(policy.numbers) != len(spec.numbers):
        form = f"{spec.name}:{','.join(n.upper() for n in spec.numbers)}".rstrip(":")
        raise ClipError(
            f"clipping policy {str(policy)!r}: {spec.name} takes {len(spec.numbers)} "
            f"number{'' if len(spec.numbers) == 1 else 's'}, got {len(policy.numbers)} "
            f"(write {form})"
        )
    return dict(spec.parse_options(policy.options))


def format_number(number: float) -> str:
    """Return the shortest text that reads back as `number`."""
    return repr(float(number))


def _add_option(text: str, options: dict[str, str], key: str, value: str) -> None:
    if not key.isidentifier() or not value:
        raise ClipError(f"clipping policy {text!r}: write options as name=value")
    if key in options:
        raise ClipError(f"clipping policy {text!r}: option {key!r} is given twice")
    options[key] = value


def _number(text: str, part: str) -> float:
    try:
        number = float(part)
    except ValueError:
        raise ClipError(f"clipping policy {text!r}: {part!r} is not a number") from None
    if math.isnan(number):
        raise ClipError(f"clipping policy {text!r}: nan is not a bound")
    return number
