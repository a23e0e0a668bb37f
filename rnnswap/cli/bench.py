"""`rnnswap bench`: what a cell buys on this machine, against nn.LSTM in the same run."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from rnnswap import discovery
from rnnswap.bench.plan import (
    ATTENTION_SHAPES,
    DTYPES,
    MEASURES,
    MEMORY_SHAPES,
    MODES,
    SHAPES,
    AttentionPlan,
    Plan,
    Shape,
)
from rnnswap.cli import EXIT_CHECK
from rnnswap.cli._console import CellName, ParamType, cell_options, results, talk
from rnnswap.errors import OptionError

#: Parameters that say nothing about attention.
_OF_CELLS = ("cells", "cell_args", "measures", "packed", "layers", "bidirectional", "proj_size")


class ShapeText(ParamType[Shape]):
    """T,B,I,H."""

    name = "shape"

    def convert(self, value: Any, param: Any, ctx: Any) -> Shape:
        """Read four positive integers."""
        return value if isinstance(value, Shape) else Shape.parse(value)


@click.command()
@click.option(
    "--cell",
    "cells",
    type=CellName(),
    multiple=True,
    help="Cell to measure; may be repeated.  [default: those that rnnswap ships]",
)
@click.option(
    "--cell-arg",
    "cell_args",
    metavar="NAME=VALUE",
    multiple=True,
    help="Extra argument of the one --cell; may be repeated.  [default: the cell's own]",
)
@click.option(
    "--shape",
    "shapes",
    type=ShapeText(),
    metavar="T,B,I,H",
    multiple=True,
    help="Steps, batch, input size, hidden size; with --attention steps, batch, width, heads. "
    "May be repeated.  [default: seven shapes; for memory alone two of them; for --attention six]",
)
@click.option(
    "--attention",
    is_flag=True,
    help="Measure multihead against nn.MultiheadAttention instead, with and without weights "
    "returned.  [default: cells against nn.LSTM]",
)
@click.option(
    "--measure",
    "measures",
    type=click.Choice(MEASURES),
    multiple=True,
    help="time; limit: time, and the matrix products it consists of at least; memory: peak of a "
    "training step; overhead: a call with nothing to compute. May be repeated.  [default: time]",
)
@click.option(
    "--mode",
    type=click.Choice(["forward", "training"]),
    help="Measure one way only.  [default: both]",
)
@click.option(
    "--packed",
    is_flag=True,
    help="Packed input too, lengths uniform in [T/2, T].  [default: padded input alone]",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="Threads on the CPU.  [default: torch's number]",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option(
    "--dtype",
    type=click.Choice(DTYPES),
    default="float32",
    show_default=True,
    help="Of input and weights.",
)
@click.option(
    "--layers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Stacked layers.",
)
@click.option("--bidirectional", is_flag=True, help="Both directions.  [default: one]")
@click.option(
    "--proj-size",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="proj_size; 0: none.",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Samples of each entry, interleaved.",
)
@click.option(
    "--sample-ms",
    type=float,
    default=50.0,
    show_default=True,
    help="What a sample lasts at least, unless one call lasts longer.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object with all samples.  [default: tables]"
)
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    cells: tuple[str, ...],
    cell_args: tuple[str, ...],
    shapes: tuple[Shape, ...],
    attention: bool,
    measures: tuple[str, ...],
    mode: str | None,
    as_json: bool,
    sample_ms: float,
    **settings: Any,
) -> None:
    """Measure cells against nn.LSTM, side by side in one process.

    Forward runs in eval and inference mode; a training step is zero_grad, forward and
    sum().backward(), with an input that needs no gradient and with one that does (training-dx).
    The samples of nn.LSTM and of all cells are interleaved; their medians are compared: 2.00x
    takes half of nn.LSTM's time.

    With --attention, the layers are multihead and nn.MultiheadAttention with the same weights, and
    the ratio is multihead's time over torch's: 0.50 takes half of it.

    Results go to stdout, progress to stderr. Exits with 1 if a cell failed somewhere.
    """
    shapes = tuple(dict.fromkeys(shapes))
    if attention:
        _refuse_with_attention(ctx)
        _measure_attention(shapes, mode, sample_ms, as_json, settings)
        return
    cells = tuple(dict.fromkeys(cells)) or _shipped()
    if cell_args and len(cells) != 1:
        raise OptionError("--cell-arg needs exactly one --cell: it is passed to that cell alone")
    measures = tuple(dict.fromkeys(measures)) or ("time",)
    timed = {"time", "limit"} & set(measures)
    if mode and not timed:
        raise OptionError("--mode is for times; memory is a training step's, overhead both ways'")
    if shapes and measures == ("overhead",):
        raise OptionError("--shape has no meaning for the overhead: it is measured at 1,1,1,1")
    plan = Plan(
        cells=cells,
        shapes=shapes or (SHAPES if timed else MEMORY_SHAPES),
        measures=measures,
        modes=tuple(m for m in MODES if mode is None or m.startswith(mode)),
        options=cell_options(cells[0], cell_args) if cell_args else {},
        seconds=sample_ms / 1e3,
        **settings,
    )

    from rnnswap.bench import tables
    from rnnswap.bench.run import run

    with _progress() as progress, warnings.catch_warnings(record=True) as caught:
        report = run(plan, progress)
    for text in dict.fromkeys(str(warning.message).partition("\n")[0] for warning in caught):
        talk().print(f"warning: {text}", style="yellow", markup=False)
    if as_json:
        for failure in report.failures:
            talk().print(str(failure), style="red", markup=False)
        click.echo(json.dumps(tables.as_json(report), indent=1))
    else:
        for part in tables.screen(report):
            results().print(part)
    ctx.exit(EXIT_CHECK if report.failures else 0)


def _refuse_with_attention(ctx: click.Context) -> None:
    """Refuse the options that are about cells.

    Raises:
        OptionError: One is given.
    """
    for parameter in ctx.command.params:
        given = ctx.get_parameter_source(parameter.name or "")
        if parameter.name in _OF_CELLS and given is not click.core.ParameterSource.DEFAULT:
            raise OptionError(
                f"{parameter.opts[0]} is about cells and has no meaning with --attention"
            )


def _measure_attention(
    shapes: tuple[Shape, ...],
    mode: str | None,
    sample_ms: float,
    as_json: bool,
    settings: Mapping[str, Any],
) -> None:
    plan = AttentionPlan(
        shapes=shapes or ATTENTION_SHAPES,
        modes=("forward", "training") if mode is None else (mode,),
        seconds=sample_ms / 1e3,
        **{name: settings[name] for name in ("threads", "device", "dtype", "repeats")},
    )

    from rnnswap.bench import attention

    with _progress() as progress:
        report = attention.run_attention(plan, progress)
    if as_json:
        click.echo(json.dumps(attention.as_json(report), indent=1))
        return
    for part in attention.screen(report):
        results().print(part)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show what is being measured on stderr: one line that changes, or in a file a line each.

    Nothing runs beside the measurements: a spinner's thread would take time from them.
    """
    console = talk()
    if not console.is_terminal:
        yield lambda what: console.print(what, markup=False)
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda what: live.update(Text(f"measuring {what} ..."), refresh=True)


def _shipped() -> tuple[str, ...]:
    return tuple(
        entry.name
        for entry in discovery.installed().cells
        if entry.provider.distribution == "rnnswap" and entry.spec.target != "torch.nn:LSTM"
    )
