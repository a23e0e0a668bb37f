"""`rnnswap plugins check`: does a registered cell really stand where nn.LSTM stands?"""

from __future__ import annotations

import click

from rnnswap import discovery
from rnnswap.cli import EXIT_CHECK
from rnnswap.cli._console import CellName, results, talk
from rnnswap.errors import PluginError
from rnnswap.registry import Entry
from rnnswap.spec import CellSpec


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=CellName())
@click.option(
    "--full",
    is_flag=True,
    help="Also compilers, exporters and processes: about a minute a cell.  [default: off]",
)
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], full: bool) -> None:
    """Run nn.LSTM's contract on registered cells.

    Prints a table for each cell's layer and, where it has one, for its single-step class: what
    torch's own class does ("contract"), and what it cannot ("beyond"). Imports the cells.

    Exits with 0 if no check failed; 1 if one did, or a class cannot be imported; 2 for an unknown
    name.
    """
    failed = False
    for name in dict.fromkeys(names):
        entry = discovery.installed().cells.get(name)
        for target in _targets(entry.spec):
            failed |= not _passes(entry, target, full)
    ctx.exit(EXIT_CHECK if failed else 0)


def _targets(spec: CellSpec) -> list[str]:
    return [target for target in (spec.target, spec.cell_target) if target]


def _passes(entry: Entry[CellSpec], target: str, full: bool) -> bool:
    # Here, not above: it imports torch, and listing plugins does without.
    from rnnswap.testing import check_drop_in

    talk().print(f"checking {target.replace(':', '.')} ...", style="dim", markup=False)
    try:
        cls = discovery.load_class(entry, target)
    except PluginError as error:  # the other cells are checked all the same
        talk().print(f"failed: {error}", style="red", markup=False)
        return False
    report = check_drop_in(cls, level="full" if full else "quick")
    results().print(f"{report}\n", markup=False)
    return report.passed
