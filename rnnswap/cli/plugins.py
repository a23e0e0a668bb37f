"""`rnnswap plugins`: what is registered, by whom, and what failed to load. Imports no target."""

from __future__ import annotations

import click
from rich.markup import escape
from rich.table import Table

from rnnswap import discovery
from rnnswap.cli._console import results, talk
from rnnswap.cli.plugins_check import check
from rnnswap.registry import Registry


@click.group(invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List cells, attention mechanisms and clipping policies.

    Each with the distribution that provides it; then, on stderr, what failed to load and why.
    """
    if ctx.invoked_subcommand is None:
        _list()


plugins.add_command(check)


def _list() -> None:
    found = discovery.installed()
    out = results()
    out.print(_table("Cells", found.cells))
    out.print(_table("Attention mechanisms", found.attentions))
    out.print(_table("Clipping policies", found.policies))
    for failure in found.failures:
        talk().print(f"problem: {failure}", style="red", markup=False)


def _table(title: str, registry: Registry) -> Table:  # type: ignore[type-arg]
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("summary")
    for entry in registry:
        table.add_row(*(escape(t) for t in (entry.name, str(entry.provider), entry.spec.summary)))
    return table
