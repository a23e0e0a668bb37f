"""`rnnswap report`: make a run's page anew, or lay several runs over each other."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rnnswap.errors import ReportError


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Where to write the page.  [default: report.html in DIR; of several runs, here]",
)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True)
def report(output: str | None, folders: tuple[str, ...]) -> None:
    """Write the page of the run in DIR anew, or one page with several runs over each other.

    DIR is what `rnnswap train --report DIR` wrote; a run that goes on or was killed will do. Prints
    the name of the page.
    """
    from rnnswap.training.folder import PAGE, write_page
    from rnnswap.training.page.html import MARK, page
    from rnnswap.training.page.loading import load_all

    runs = load_all(folders)
    if output is None:
        output = os.path.join(folders[0], PAGE) if len(folders) == 1 else PAGE  # noqa: PTH118
        _refuse_strangers(Path(output), MARK)
    write_page(Path(output), page(runs))
    for run in runs:
        for note in run.notes:
            click.echo(f"{run.name}: {note}", err=True)
    click.echo(output)


def _refuse_strangers(path: Path, mark: str) -> None:
    """Raise ReportError if a page stands at `path` that is none of ours."""
    try:
        with path.open("rb") as file:
            ours = mark.encode() in file.read(4096)
    except OSError:
        return  # nothing there, or writing will say what is
    if not ours:
        raise ReportError(
            f"{str(path)!r} was not made by rnnswap and is left as it is; name another with -o"
        )
