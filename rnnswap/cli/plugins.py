"""`rnnswap plugins`: what is registered, by whom, and what failed to load. Imports no target."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

import rnnswap
from rnnswap import discovery
from rnnswap.cli._console import results, talk
from rnnswap.cli.plugins_check import check
from rnnswap.cli.plugins_json import described_plugins, unsupported
from rnnswap.cli.plugins_new import new
from rnnswap.errors import printable
from rnnswap.registry import Registry

#: What the C compiler makes when rnnswap is installed. Its own module would import torch.
_LIBRARY = Path("ops", "_native", "librnnswap.so")
_COMPILERS = ("cc", "gcc", "clang")


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.  [default: off]")
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List cells, attention mechanisms and clipping policies.

    Each with the distribution that provides it and what of nn.LSTM it does not support, then
    whether Triton and the C library are there, which run the loops of JANET and IndRNN on CUDA
    devices and on the CPU. On stderr, what failed to load and why.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = discovery.installed()
    if as_json:
        described = described_plugins(found) | {"implementations": _serving()}
        click.echo(json.dumps(described, indent=2, default=str))
    else:
        _list(found)


plugins.add_command(check)
plugins.add_command(new)


def _list(found: discovery.Plugins) -> None:
    out = results()
    out.print(_table("Cells", found.cells))
    out.print(_table("Attention mechanisms", found.attentions))
    out.print(_table("Clipping policies", found.policies))
    for line in _serving():
        out.print(line, markup=False)
    for failure in found.failures:
        talk().print(f"problem: {failure}", style="red", markup=False)


def _serving() -> list[str]:
    """Say what there is to run the loops, on CUDA devices and on the CPU."""
    if importlib.util.find_spec("triton") is None:
        triton = "not installed; on CUDA devices the loops of JANET and IndRNN run in PyTorch"
    else:
        triton = (
            "installed; on CUDA devices the loops of JANET and IndRNN are its kernels, unless "
            "rnnswap bench --device cuda gives a reason against them"
        )
    return [f"Triton: {triton}", *_library()]


def _library() -> list[str]:
    """Say which implementation serves on the CPU; without the C library why, and what to do."""
    forced = os.environ.get("RNNSWAP_IMPL")
    lines = [f"RNNSWAP_IMPL={forced}: no other implementation runs"] if forced else []
    if (Path(rnnswap.__file__).parent / _LIBRARY).exists():
        return ["C library: built; on the CPU the loops of JANET and IndRNN run in C", *lines]
    compiler = next(filter(shutil.which, _COMPILERS), None)
    now = (
        f"there is {compiler} now: install rnnswap again (pip's --verbose shows what fails)"
        if compiler
        else "install gcc or clang, then rnnswap again"
    )
    return [
        "C library: not built, as no C compiler could when rnnswap was installed; the loops of "
        f"JANET and IndRNN run in PyTorch, slower; {now}",
        *lines,
    ]


def _table(title: str, registry: Registry) -> Table:  # type: ignore[type-arg]
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("from", no_wrap=True)
    lacking = {entry.name: ", ".join(unsupported(entry.spec)) for entry in registry}
    if any(lacking.values()):
        table.add_column("not supported")
    table.add_column("summary")
    for entry in registry:
        row = [entry.name, str(entry.provider), printable(entry.spec.summary)]
        if any(lacking.values()):
            row.insert(2, lacking[entry.name] or "-")
        table.add_row(*map(escape, row))
    return table
