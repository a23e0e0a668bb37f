"""`rnnswap train`: run an untouched script with another cell and a clipping policy."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Literal, NoReturn, TextIO

import click
from click.core import ParameterSource
from click.globals import pop_context, push_context

from rnnswap import _started, policy_text
from rnnswap.cli import EXIT_NO_EFFECT, Interrupted
from rnnswap.cli._console import (
    AttentionName,
    CellName,
    PolicyText,
    RuleText,
    cell_options,
    talk,
)
from rnnswap.training.process.own_modules import OwnModules
from rnnswap.training.process.ranks import is_first
from rnnswap.training.process.run import INTERRUPTED, check_module, read_script
from rnnswap.training.settings import Settings, Swap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rnnswap.training.outcome import Outcome


# Options of ours stand before SCRIPT; whatever follows it is the script's, --help included.
@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--cell", type=CellName(), help="Cell in place of nn.LSTM.  [default: no swap]")
@click.option(
    "--attention",
    type=AttentionName(),
    help="Attention over the cell's output; without --cell, over nn.LSTM.  [default: none]",
)
@click.option(
    "--cell-arg",
    "cell_args",
    metavar="NAME=VALUE",
    multiple=True,
    help="Extra argument of the cell; may be repeated.  [default: the cell's own]",
)
@click.option(
    "--as-lstm",
    is_flag=True,
    help="Make isinstance(layer, nn.LSTM) True of the cell, for code that asks.  [default: off]",
)
@click.option(
    "--clip",
    type=PolicyText(),
    default="none",
    show_default=True,
    help="Clipping policy, such as norm:1.0; `rnnswap plugins` lists them.",
)
@click.option(
    "--clip-param",
    "clip_rules",
    metavar="PATTERN=POLICY",
    type=RuleText(),
    multiple=True,
    help="Policy for the parameters whose names match, such as 'rnn.weight_hh*=-0.1,1.0'; may be "
    "repeated, the first that matches counts.  [default: all as --clip]",
)
@click.option(
    "--on-nonfinite",
    type=click.Choice(["warn", "raise", "skip"]),
    default="warn",
    show_default=True,
    help="What to do about a step whose gradients are infinite or NaN.",
)
@click.option(
    "--report",
    type=click.Path(),
    metavar="DIR",
    help="Write metrics.jsonl, summary.json and report.html to a new folder.  [default: none]",
)
@click.option(
    "--max-steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop the script after so many optimizer steps.  [default: when it ends]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Seed Python, NumPy and torch before the script starts.  [default: not seeded]",
)
@click.option(
    "-m",
    "--module",
    is_flag=True,
    help="SCRIPT is the name of a module, run as python -m would.  [default: a file]",
)
@click.option("--again", is_flag=True, hidden=True, help="The script has started itself anew.")
@click.option(
    "--child",
    metavar="DIR",
    hidden=True,
    help="A script under train has started this one, and reads there what it did.",
)
@click.argument("script")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(
    ctx: click.Context,
    cell: str | None,
    attention: str | None,
    cell_args: tuple[str, ...],
    as_lstm: bool,
    clip: str,
    clip_rules: tuple[str, ...],
    on_nonfinite: Literal["warn", "raise", "skip"],
    report: str | None,
    max_steps: int | None,
    seed: int | None,
    module: bool,
    again: bool,
    child: str | None,
    script: str,
    args: tuple[str, ...],
) -> None:
    """Run SCRIPT with ARGS, untouched, as python would.

    Wherever it constructs nn.LSTM it gets the cell, and every optimizer step is clipped. At the
    end, what happened goes to stderr; stdout is the script's.

    Exits with the script's code; 3 if that is 0 but no optimizer step happened, or a cell or
    attention was asked for and nothing was constructed.
    """
    if cell is None and attention is not None:
        cell = "lstm"
    if cell is None and cell_args:
        raise click.UsageError("--cell-arg needs --cell: there is no cell to pass it to")
    if cell is None and as_lstm:
        raise click.UsageError("--as-lstm needs --cell: there is no cell to make an nn.LSTM")
    options = {} if cell is None else cell_options(cell, cell_args)
    clip = policy_text.with_rules(clip, clip_rules)
    (check_module if module else read_script)(script)

    swap = None if cell is None else Swap(cell, attention, options, as_lstm)
    settings = Settings(clip, swap, on_nonfinite, seed, max_steps)
    own = OwnModules(_started.MODULES if ctx.obj else None)
    stderr, command, first = sys.stderr, sys.argv[1:], is_first(os.environ)
    hints = _meant_for_us(ctx, args)
    from rnnswap.training.train import train_child, train_script

    with _no_context():
        if child is not None:
            code = train_child(
                script, args, settings, child, module=module, command=command, own=own
            )
            _end(code, interrupted=code == INTERRUPTED)
        outcome = train_script(
            script,
            args,
            settings,
            module=module,
            report=report if first else None,
            command=command,
            again=again,
            own=own,
        )
        if first:
            with own.at_hand():
                _show(outcome, stderr, hints)
    code = outcome.code or (EXIT_NO_EFFECT if outcome.without_effect() else 0)
    _end(code, interrupted=outcome.interrupted, at_once=outcome.abandoned)


@contextlib.contextmanager
def _no_context() -> Iterator[None]:
    """Take away click's current context: a script that asks for one means its own."""
    taken = []
    while (ctx := click.get_current_context(silent=True)) is not None:
        taken.append(ctx)
        pop_context()
    try:
        yield
    finally:
        while taken:
            push_context(taken.pop())


def _end(code: int, *, interrupted: bool, at_once: bool = False) -> NoReturn:
    """End the command as python would have ended the script."""
    if interrupted:
        raise Interrupted
    if at_once:
        # Python would wait for the script's threads, which do not end.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)
    raise click.exceptions.Exit(code)


def _meant_for_us(ctx: click.Context, args: Sequence[str]) -> list[str]:
    """Say which options of ours were given to the script alone, where they may be a mistake."""
    own = args[: args.index("--")] if "--" in args else args
    names = {argument.partition("=")[0] for argument in own}
    return [
        f"{name} after SCRIPT went to the script; write it before SCRIPT"
        for option in ctx.command.params
        if ctx.get_parameter_source(option.name or "") is not ParameterSource.COMMANDLINE
        for name in option.opts
        if name.startswith("--") and name in names
    ]


def _show(outcome: Outcome, stderr: TextIO | None, hints: Sequence[str]) -> None:
    """Print the screen on `stderr`, ours from before the script, which may have put another there.

    Its readers may have gone (a pipe into head) or the script may have closed it: the run keeps
    its exit code then, and what cannot be told is not.
    """
    from rnnswap.training.report import screen

    text = screen(outcome, hints)
    # What the script printed stands before the screen, also where both go to one file. Its streams
    # may be any object by now, and fail in any way.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if stderr is None or stderr.closed:
        stderr = sys.__stderr__
    if stderr is None or stderr.closed:
        return
    try:
        # As text: rich would answer a broken pipe by an exit of its own and take stdout away.
        with contextlib.redirect_stderr(stderr):
            console = talk()
            with console.capture() as lines:
                console.print(text)
        stderr.write(lines.get())
        stderr.flush()
    except (OSError, ValueError):
        # What stays in the buffer would fail again at the interpreter's end and change the code.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stderr.fileno())
