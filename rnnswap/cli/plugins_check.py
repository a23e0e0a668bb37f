"""`rnnswap plugins check`: does what is registered keep the contract of its kind?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from rnnswap import discovery
from rnnswap.cli import EXIT_CHECK
from rnnswap.cli._console import ParamType, complete, results, talk
from rnnswap.errors import OptionError, PluginError, RnnswapError, UnknownNameError
from rnnswap.registry import Entry

if TYPE_CHECKING:
    from rnnswap.testing import Report

#: Numbers with which a policy is made if none are given, the first that it takes; the last of each
#: is repeated for as many as the policy asks for.
_NUMBERS = ("1.0", "-1.0,1.0", "0.5", "10.0")


class _Name(ParamType[str]):
    """The name of anything installed, or the text of a clipping policy, with completion."""

    name = "name"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check that something has the name; the sentence lists the choices."""
        cells, mechanisms, policies = _registries()
        there = value in cells or value in mechanisms or value in policies
        if not there and value.partition(":")[0] not in policies:
            known = {*cells.names(), *mechanisms.names(), *policies.names()}
            kind = "cell, attention mechanism or clipping policy"
            raise UnknownNameError(kind, value, known, cells.hint)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete from the registries."""
        names = {name for registry in _registries() for name in registry.names()}
        return complete(sorted(names), incomplete)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=_Name())
@click.option(
    "--full",
    is_flag=True,
    help="Also compilers, exporters and processes: about a minute a cell.  [default: off]",
)
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], full: bool) -> None:
    """Run the contract of their kind on cells, attention mechanisms and clipping policies.

    Prints a table for each class: a cell's layer and, where it has one, its single-step class in
    place of torch's own; a mechanism; a policy, with numbers of its own or those given, such as
    norm:0.5. "contract" is what all must do, "beyond" what not every one does. Imports them.

    Exits with 0 if no check failed; 1 if one did, or a class cannot be imported; 2 for an unknown
    name.
    """
    failed = False
    for name in dict.fromkeys(names):
        for what, checked in _checks(name, "full" if full else "quick"):
            failed |= not _passes(what, checked)
    ctx.exit(EXIT_CHECK if failed else 0)


def _registries() -> tuple[Any, Any, Any]:
    found = discovery.installed()
    return found.cells, found.attentions, found.policies


def _checks(name: str, level: str) -> Iterator[tuple[str, Callable[[], Report]]]:
    """Yield what is checked under a name, in words, and what does it and returns a report."""
    cells, mechanisms, policies = _registries()
    if name in cells:
        entry = cells.get(name)
        for target in filter(None, (entry.spec.target, entry.spec.cell_target)):
            yield _dotted(target), partial(_cell, entry, target, level)
    if name in mechanisms:
        entry = mechanisms.get(name)
        yield _dotted(entry.spec.target), partial(_mechanism, entry, level)
    plain = name in policies
    if plain or name.partition(":")[0] in policies:
        yield name, partial(_policy, policies.get(name) if plain else None, name)


def _dotted(target: str) -> str:
    return target.replace(":", ".")


def _cell(entry: Entry[Any], target: str, level: str) -> Report:
    from rnnswap.testing import check_drop_in

    return check_drop_in(discovery.load_class(entry, target), level=level)


def _mechanism(entry: Entry[Any], level: str) -> Report:
    from rnnswap.testing import check_attention

    return check_attention(discovery.load_class(entry), level=level)


def _policy(entry: Entry[Any] | None, text: str) -> Report:
    """Check a policy by its text, or by its entry with numbers that it takes.

    Raises:
        OptionError: It takes none of them.
    """
    from rnnswap.testing import check_clip_policy

    if entry is None:
        return check_clip_policy(text)
    error: RnnswapError | None = None
    for numbers in _numbers(len(entry.spec.numbers)):
        try:
            return check_clip_policy(f"{text}:{numbers}" if numbers else text)
        except PluginError:
            raise
        except RnnswapError as refused:
            error = refused
    asked = ",".join(entry.spec.numbers).upper()
    raise OptionError(f"{error}; give numbers: rnnswap plugins check {text}:{asked}") from error


def _numbers(count: int) -> Iterator[str]:
    for text in _NUMBERS if count else ("",):
        given = text.split(",")
        if len(given) <= max(count, 1):
            yield ",".join([*given, *given[-1:] * (count - len(given))])


def _passes(what: str, checked: Callable[[], Report]) -> bool:
    talk().print(f"checking {what} ...", style="dim", markup=False)
    try:
        report = checked()
    except RnnswapError as error:  # the others are checked all the same
        talk().print(f"failed: {error}", style="red", markup=False)
        return False
    results().print(f"{report}\n", markup=False)
    return report.passed
