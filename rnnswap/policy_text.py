"""The grammar of clipping policies, torch-free: `name[:number,...[,option=value,...]]`.

none    value:1.0    hook:-0.1,1.0    norm:1.0    norm:1.0,p=inf    some-plugin:its-policy:1.0

Rules for parameters by name follow after semicolons, `PATTERN=POLICY` each, where two numbers alone
mean `range` and one means `value`:

norm:1.0;rnn.weight_hh*=-0.1,1.0;head.*=none
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rnnswap.errors import ClipError
from rnnswap.spec import ClipSpec

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PATTERN = re.compile(r"[\w.*?\[\]!-]+")


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


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy for the parameters whose names match a pattern: `PATTERN=POLICY`."""

    pattern: str
    policy: PolicyText

    def __str__(self) -> str:
        return f"{self.pattern}={self.policy}"


def parse(text: str) -> PolicyText:
    """Read `text` by the grammar; whether such a policy exists is not asked here.

    Raises:
        ClipError: The text does not follow the grammar, or has rules for parameters; says which
            part is wrong and what would be right.
    """
    if not isinstance(text, str):
        raise ClipError(f"a clipping policy is written as text such as 'norm:1.0', got {text!r}")
    if ";" in text:
        raise ClipError(
            f"clipping policy {text!r}: rules for parameters by name (after a semicolon) cannot "
            "stand here; rnnswap.clip.attach and rnnswap train --clip-param take them"
        )
    name, colon, rest = _split_name(text)
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


def parse_rules(text: str) -> tuple[PolicyText, tuple[Rule, ...]]:
    """Read a policy that rules for parameters may follow, such as `norm:1.0;*.bias*=none`.

    Raises:
        ClipError: A part does not follow the grammar, or a pattern is given twice.
    """
    if not isinstance(text, str):
        return parse(text), ()
    first, *others = text.split(";")
    rules = tuple(parse_rule(other) for other in others)
    for position, rule in enumerate(rules):
        if rule.pattern in {earlier.pattern for earlier in rules[:position]}:
            raise ClipError(f"clipping policy {text!r}: pattern {rule.pattern!r} is given twice")
    return parse(first), rules


def parse_rule(text: str) -> Rule:
    """Read a rule such as `rnn.weight_hh*=-0.1,1.0` or `head.*=norm:0.5`.

    Raises:
        ClipError: There is no pattern, it cannot match a name, or what follows is no policy.
    """
    pattern, equals, policy = (part.strip() for part in text.partition("="))
    if not pattern or not equals or not policy:
        raise ClipError(
            f"clipping rule {text!r}: write PATTERN=POLICY or PATTERN=LOW,HIGH, "
            "for example rnn.weight_hh*=-0.1,1.0"
        )
    if not _PATTERN.fullmatch(pattern):
        raise ClipError(
            f"clipping rule {text!r}: {pattern!r} can match no parameter's name, which consists of "
            "letters, digits, _ and dots; the wildcards are * ? [ ]"
        )
    return Rule(pattern, parse(_with_name(policy)))


def with_rules(policy: str, rules: Iterable[str]) -> str:
    """Return one text for `policy` and rules such as those of `--clip-param`, each checked.

    Raises:
        ClipError: As `parse_rules`.
    """
    text = ";".join([policy, *rules])
    parse_rules(text)
    return text


def check(policy: PolicyText, spec: ClipSpec) -> dict[str, object]:
    """Check that `policy` gives what `spec` asks for and return its options, parsed.

    Raises:
        ClipError: The count of numbers differs, or one is out of bounds; says which are meant.
        OptionError: An option is unknown or its value does not read as its type.
    """
    if len(policy.numbers) != len(spec.numbers):
        form = f"{spec.name}:{','.join(n.upper() for n in spec.numbers)}".rstrip(":")
        raise ClipError(
            f"clipping policy {str(policy)!r}: {spec.name} takes {len(spec.numbers)} "
            f"number{'' if len(spec.numbers) == 1 else 's'}, got {len(policy.numbers)} "
            f"(write {form})"
        )
    for name, number in zip(spec.numbers, policy.numbers, strict=True):
        rule = spec.bounds[name].broken_by(number) if name in spec.bounds else None
        if rule is not None:
            raise ClipError(
                f"clipping policy {str(policy)!r}: {name} must be {rule}, got {number!r}"
            )
    return dict(spec.parse_options(policy.options))


def format_number(number: float) -> str:
    """Return the shortest text that reads back as `number`."""
    return repr(float(number))


def _split_name(text: str) -> tuple[str, str, str]:
    """Split at the colon after the name, which may itself be `distribution:name`."""
    name, colon, rest = (part.strip() for part in text.partition(":"))
    second, more, numbers = (part.strip() for part in rest.partition(":"))
    if _NAME.fullmatch(second) and (more or not _is_number(second)):
        return f"{name}:{second}", more, numbers
    return name, colon, rest


def _with_name(policy: str) -> str:
    """Name the policy that one or two bare numbers stand for."""
    numbers = [part.strip() for part in policy.split(",")]
    if not all(_is_number(number) for number in numbers):
        return policy
    if len(numbers) > 2:
        raise ClipError(
            f"clipping rule: {policy!r} has {len(numbers)} numbers; one is a largest absolute "
            "value, two are the lowest and the highest value"
        )
    return f"{'value' if len(numbers) == 1 else 'range'}:{policy}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
