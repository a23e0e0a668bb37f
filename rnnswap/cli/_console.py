"""Consoles for talk (stderr) and results (stdout), and options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from rnnswap import discovery

if TYPE_CHECKING:
    from rich.console import Console

_UNWRAPPED = 10_000  # columns

if TYPE_CHECKING:
    ParamType = click.ParamType
else:

    class ParamType(click.ParamType):
        """click's type of a parameter, which takes a type argument only since click 8.4."""

        def __class_getitem__(cls, item: Any) -> type[ParamType]:
            """Return the class itself: the type argument is for type checkers."""
            return cls


def talk() -> Console:
    """Return a console on stderr; plain when it is not a terminal, NO_COLOR honoured."""
    # Here, not above: commands that only need the option types do without rich's import time.
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def results() -> Console:
    """Return a console on stdout, likewise; what goes into a pipe or file is never wrapped."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False, soft_wrap=True)
    return Console(highlight=False, soft_wrap=True, width=_UNWRAPPED, height=1)


class CellName(ParamType[str]):
    """The name of an installed cell, with completion."""

    name = "cell"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check that the cell exists; the registry's sentence names the choices."""
        discovery.find_cell(value)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete from the registry."""
        return complete(discovery.list_cells(), incomplete)


class AttentionName(ParamType[str]):
    """The name of an installed attention mechanism, with completion."""

    name = "attention"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check that the mechanism exists; the registry's sentence names the choices."""
        discovery.find_attention(value)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete from the registry."""
        return complete(discovery.list_attentions(), incomplete)


class PolicyText(ParamType[str]):
    """A clipping policy's text; checked against the registry without importing the policy."""

    name = "policy"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check grammar, name, count of numbers and options; bounds are the policy's matter."""
        from rnnswap import policy_text

        written = policy_text.parse(value)
        policy_text.check(written, discovery.find_policy(written.name))
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete the policy's name from the registry."""
        return complete(discovery.list_clip_policies(), incomplete)


class RuleText(ParamType[str]):
    """A rule for parameters by name; checked as a policy is."""

    name = "rule"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check grammar, the policy's name, count of numbers and options."""
        from rnnswap import policy_text

        written = policy_text.parse_rule(value).policy
        policy_text.check(written, discovery.find_policy(written.name))
        return str(value)


def cell_options(cell: str, texts: Iterable[str]) -> dict[str, Any]:
    """Read the values of `--cell-arg NAME=VALUE` by the cell's own record.

    Raises:
        click.BadParameter: A text is not of that form, or a name is given twice.
        OptionError: The cell has no such option, or the value does not read as its type.
    """
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(
                f"{text!r} is not of the form NAME=VALUE", param_hint="'--cell-arg'"
            )
        if name in given:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="'--cell-arg'")
        given[name] = value
    return discovery.find_cell(cell).parse_options(given)


def complete(names: Iterable[str], incomplete: str) -> list[click.shell_completion.CompletionItem]:
    """Return the names that begin with what has been typed, for the shell."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
