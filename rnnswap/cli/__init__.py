"""The `rnnswap` command. Errors become exit codes here and nowhere else.

Exit codes: 0 done or nothing to do; 1 `--check` and something would change, `scan --fail-on` and
one was found, `plugins check` failed, or in `bench` a cell did; 2 misuse; 3 `train`: ran without
effect; 123 some file could not be read, parsed or rewritten. After Ctrl-C the process dies of the
signal, which a shell reports as 130.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from rnnswap.errors import RnnswapError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_CHECK = 1
EXIT_MISUSE = 2
EXIT_NO_EFFECT = 3
EXIT_UNREADABLE = 123
EXIT_INTERRUPTED = 130

# Loaded when it runs, so that one command does not pay for what another imports; the text stands
# here so that `rnnswap --help` imports none of them.
_COMMANDS = {
    "bench": "Measure cells against nn.LSTM on this machine.",
    "patch": "Rewrite nn.LSTM in source files into another cell.",
    "plugins": "List cells, attention mechanisms and clipping policies; check a cell.",
    "report": "Make a training run's report anew, or lay several runs over each other.",
    "scan": "Report every use of nn.LSTM, and what patch would do with it.",
    "train": "Run a training script with another cell and gradient clipping.",
}


class _Misuse(click.ClickException):
    exit_code = EXIT_MISUSE


class Interrupted(BaseException):
    """Ctrl-C has ended a command; what there is to say about it has been said."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"rnnswap.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        try:
            # Without arguments, those are the process's: it is ours.
            return super().main(args, *rest, **{"obj": args is None, **options})
        except Interrupted:
            if args is not None:
                sys.exit(EXIT_INTERRUPTED)
        # A shell ends a loop only if the command in it dies of the signal.
        from rnnswap.training.process.run import INTERRUPTED, end_as_python

        return end_as_python(INTERRUPTED)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RnnswapError as error:
            raise _Misuse(str(error)) from error
        except KeyboardInterrupt:
            # click's own code for this is 1, which would say that --check has found something.
            click.echo("interrupted", err=True)
            raise Interrupted from None


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnnswap")
@click.option("--no-plugins", is_flag=True, help="Load no plugin but rnnswap itself.")
@click.option("--strict-plugins", is_flag=True, help="End if anything is wrong with a plugin.")
def main(no_plugins: bool, strict_plugins: bool) -> None:
    """Put another recurrent cell where torch.nn.LSTM is used.

    \b
    rnnswap patch model.py                   rewrite a file to use JANET
    rnnswap scan src                         say what patch would do, and why
    rnnswap train --cell janet train.py      run a script, untouched, with JANET
    """  # noqa: D301  (click wants the character, not a backslash)
    # By way of the environment, so that processes started by a command do likewise.
    if no_plugins:
        os.environ["RNNSWAP_PLUGINS"] = ""
    if strict_plugins:
        os.environ["RNNSWAP_STRICT_PLUGINS"] = "1"
        from rnnswap import discovery

        discovery.installed()
