"""`rnnswap plugins check`: does a registered cell really stand where nn.LSTM stands?"""

from __future__ import annotations

import click

from rnnswap import discovery
from rnnswap.cli import EXIT_CHECK
from rnnswap.cli._console import CellName, results, talk
from rnnswap.spec import CellSpec, load_target


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

    Exits with 0 if no check failed; 1 if one did; 2 for an unknown name.
    """
    failed = False
    for name in dict.fromkeys(names):
        spec = discovery.installed().cells.get(name).spec
        for target in _targets(spec):
            failed |= not _passes(spec, target, full)
    ctx.exit(EXIT_CHECK if failed else 0)


def _targets(spec: CellSpec) -> list[str]:
    return [target for target in (spec.target, spec.cell_target) if target]


def _passes(spec: CellSpec, target: str, full: bool) -> bool:
    # Here, not above: it imports torch, and listing plugins does without.
    from rnnswap.testing import check_drop_in

    talk().print(f"checking {target.replace(':', '.')} ...", style="dim", markup=False)
    report = check_drop_in(
        load_target(target), level="full" if full else "quick", unsupported=spec.unsupported
    )
    results().print(f"{report}\n", markup=False)
    return report.passed
