"""`rnnswap patch`: rewrites source files in place. Imports no torch and, but for a bar, no rich."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from rnnswap.cli import EXIT_CHECK, EXIT_UNREADABLE
from rnnswap.cli._sources import (
    Files,
    complete_path,
    failure_line,
    read_config,
    say,
    shown,
    source_options,
    task_of,
    write_result,
)
from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.selection import is_edit
from rnnswap.patch.source.work import STDIN, Outcome, Task, failed

_OF_CLIPPING = (codes.CLIPPED, codes.CLIPPED_ALREADY, codes.NOT_CLIPPED)
_DEVICES = ("/dev/", "/proc/")


@dataclass
class _Totals:
    """How many files came to which end."""

    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    #: Whether a place for clipping was found, used or not.
    loops: bool = False


@click.command()
@click.argument(
    "paths",
    metavar="PATHS...",
    nargs=-1,
    required=True,
    is_eager=True,
    callback=read_config,
    shell_complete=complete_path,
)
@source_options
@click.option(
    "--diff", is_flag=True, help="Print what would change; write nothing.  [default: off]"
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit with 1 if something would change.  [default: off]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=complete_path,
    help="Where the result goes instead, - for standard output; takes one path that is a file. "
    " [default: in place]",
)
@click.pass_context
def patch(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    diff: bool,
    check: bool,
    output: str | None,
    **options: Any,
) -> None:
    """Rewrite nn.LSTM in source files into another cell.

    Files are rewritten in place. Of a folder, Python files and notebooks are, but for what
    .gitignore names, virtual environments and build folders; symbolic links in it are not
    followed. - reads standard input and writes the result to standard output. What cannot be
    rewritten is left and reported as FILE:LINE:COLUMN CODE MESSAGE. Defaults can stand in
    [tool.rnnswap] of the nearest pyproject.toml above the first path.

    Exits with 0 if done or nothing was to do; 1 with --check if something would change; 2 for
    misuse; 123 if a file could not be read, parsed or rewritten, while the others go on.
    """
    _check_output(paths, output, writes=not (diff or check))
    task = task_of(ctx)._replace(write=not (diff or check), diff=diff, output=output)
    totals = _Totals()
    found = Files(paths, task, options["jobs"])
    for outcome in found:
        _count(totals, _printed(outcome), task)
    totals.unchanged += found.gathered.passed
    for note in found.notes():
        say(note)
    if task.plan.clipping is not None and not (totals.loops or totals.failed):
        say(_no_loop(task))
    say(_summary(totals, conditional=not task.write))
    if totals.failed:
        ctx.exit(EXIT_UNREADABLE)
    if check and totals.changed:
        ctx.exit(EXIT_CHECK)


def _check_output(paths: Sequence[str], output: str | None, *, writes: bool) -> None:
    if output is None:
        return
    if not writes:
        raise click.UsageError("-o cannot go with --diff or --check, which write nothing")
    if len(paths) > 1:
        raise click.UsageError(f"-o takes one path, got {len(paths)}")
    if os.path.isdir(paths[0]):  # noqa: PTH112
        raise click.UsageError(f"-o takes a file, {paths[0]!r} is a folder")
    if not output or os.path.isdir(output):  # noqa: PTH112
        raise click.UsageError(f"-o {output!r} is not a file's name")
    if os.path.abspath(output).startswith(_DEVICES):  # noqa: PTH100
        # A link such as /dev/stdout would lead to a file that is not to be replaced.
        raise click.UsageError(f"-o takes a file, {output!r} is a device; - is standard output")


def _printed(outcome: Outcome) -> Outcome:
    """Print what belongs on standard output; return a failure if that fails."""
    try:
        if outcome.printed:
            write_result(outcome.printed)
    except RewriteError as error:
        return failed(error)
    return outcome


def _count(totals: _Totals, outcome: Outcome, task: Task) -> None:
    """Count a file and say what came of it."""
    if outcome.failure is not None:
        totals.failed += 1
        say(failure_line(outcome.path, outcome.failure))
        return
    totals.changed += outcome.changed
    totals.loops |= any(finding.code in _OF_CLIPPING for finding in outcome.findings)
    totals.unchanged += not outcome.changed
    path = shown(outcome.path)
    if task.output not in (None, STDIN):
        path = f"{path}, written to {shown(str(task.output))}"
    line = _line(outcome, conditional=not task.write)
    if line:
        say(f"{path}: {line}")
    for finding in outcome.findings:
        if not is_edit(finding.code):
            say(f"{shown(outcome.path)}:{finding.place} {finding.code} {finding.message}")


def _line(outcome: Outcome, conditional: bool) -> str:
    """Return what was done to a file, or "" if it is not worth a line."""
    places: dict[str, list[str]] = {}
    for finding in outcome.findings:
        if is_edit(finding.code):
            places.setdefault(finding.message, []).append(str(finding.place))
    if places:
        done = "; ".join(f"{what} at {', '.join(where)}" for what, where in places.items())
        return f"would be rewritten: {done}" if conditional else done
    if outcome.findings:
        return "left as it is"
    return f"nothing to do, {outcome.nothing}" if outcome.nothing else ""


def _no_loop(task: Task) -> str:
    clipping = task.plan.clipping
    assert clipping is not None
    what = "optimizer's step" if clipping.at_step else "optimizer"
    if not task.selection.codes.issuperset(_OF_CLIPPING):
        what += " with a selected code"
    return (
        f"no {what} found to clip at; run the program with `rnnswap train --clip {clipping.text}`, "
        "which clips at every step, whoever makes it"
    )


def _summary(totals: _Totals, conditional: bool) -> str:
    would = "would be " if conditional else ""
    files_ = "file" if totals.changed == 1 else "files"
    parts = [
        f"{totals.changed:,} {files_} {would}rewritten",
        f"{totals.unchanged:,} {would}left unchanged",
    ]
    if totals.failed:
        parts.append(f"{totals.failed:,} failed")
    return ", ".join(parts)
