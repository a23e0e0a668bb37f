"""What `patch` and `scan` share: their options, and the way through files and folders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click
from click.core import ParameterSource

from rnnswap.cli._console import (
    AttentionName,
    CellName,
    ParamType,
    PolicyText,
    cell_options,
    complete,
)
from rnnswap.errors import RewriteError
from rnnswap.patch.source.codes import CLIPPED, MEANINGS, UNWRITABLE
from rnnswap.patch.source.files import explain
from rnnswap.patch.source.gather import Gathered
from rnnswap.patch.source.jobs import run
from rnnswap.patch.source.plan import Plan, make_plan
from rnnswap.patch.source.selection import expand, select
from rnnswap.patch.source.work import MAX_SIZE, Located, Outcome, Task, wanted_words

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kMG]?)(?P<binary>i?)B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


class Codes(ParamType[str]):
    """Codes or beginnings of codes, separated by commas."""

    name = "codes"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check that each begins a code."""
        expand(split_codes([value]))
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete the last of the codes."""
        *before, _ = incomplete.split(",")
        return complete([",".join([*before, code]) for code in MEANINGS], incomplete)


class Size(ParamType[int]):
    """A size in bytes, such as 500kB, 2MB or 1GiB."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return the number of bytes."""
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or not float(found["number"]):
            self.fail(
                f"{value!r} is not a size; write for example 500kB, 2MB or 3000000", param, ctx
            )
        step = 1024 if found["binary"] else 1000
        return int(float(found["number"]) * step ** _POWERS[found["unit"].lower()])


def split_codes(texts: Sequence[str]) -> list[str]:
    """Return the codes in the values of an option that is given any number of times."""
    return [code.strip() for text in texts for code in text.split(",")]


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `patch` and `scan` share, in the order of their help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = [
    click.option(
        "--cell", type=CellName(), default="janet", show_default=True, help="Cell to write."
    ),
    click.option(
        "--source",
        type=CellName(),
        help="Cell to replace.  [default: lstm; with --cell lstm, every other cell]",
    ),
    click.option(
        "--attention",
        type=AttentionName(),
        help="Attention mechanism to put over the cell.  [default: none]",
    ),
    click.option(
        "--cell-arg",
        metavar="NAME=VALUE",
        multiple=True,
        help="Option of the cell, appended to constructor calls; repeatable.  [default: none]",
    ),
    click.option(
        "--clip",
        type=PolicyText(),
        help="Clipping policy to put into training loops, such as norm:1.0.  [default: none]",
    ),
    click.option(
        "--select",
        type=Codes(),
        multiple=True,
        help="Codes to take, or beginnings such as RSW1,RSW302; repeatable.  [default: all]",
    ),
    click.option(
        "--ignore",
        type=Codes(),
        multiple=True,
        help="Codes to leave out, likewise; wins over --select.  [default: none]",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Processes that work on folders.  [default: one per CPU]",
    ),
    click.option(
        "--max-size",
        type=Size(),
        metavar="SIZE",
        default=f"{MAX_SIZE // 1_000_000}MB",
        show_default=True,
        help="Largest source taken; 1 MB can take a minute.",
    ),
]


def complete_path(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Let the shell complete the name of a file or folder."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def read_config(ctx: click.Context, _: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Take defaults from the pyproject.toml above the first path; the callback of PATHS."""
    if not ctx.resilient_parsing and ctx.default_map is None:
        from rnnswap.cli._config import find_file, read_defaults

        file = find_file(value[0] if value and value[0] != "-" else ".")
        ctx.default_map = {} if file is None else read_defaults(file, ctx)
    return value


def task_of(ctx: click.Context) -> Task:
    """Return what the shared options ask for, to be done in place."""
    selection = select(split_codes(ctx.params["select"]), split_codes(ctx.params["ignore"]))
    plan = _plan_of(ctx)._replace(leave=selection.leave)
    if CLIPPED in selection.leave:
        plan = plan._replace(clipping=None)
    return Task(plan, selection, max_size=ctx.params["max_size"])


def _plan_of(ctx: click.Context) -> Plan:
    given = ctx.params
    texts = given["cell_arg"]
    named = ctx.get_parameter_source("cell") is ParameterSource.COMMANDLINE
    configured = ctx.get_parameter_source("cell_arg") is ParameterSource.DEFAULT_MAP
    if configured and named and given["cell"] != (ctx.default_map or {}).get("cell", "janet"):
        # The project's options are those of the project's cell.
        texts = ()
    options = cell_options(given["cell"], texts)
    return make_plan(given["cell"], given["source"], given["attention"], options, given["clip"])


class Files:
    """The outcomes of the files that paths lead to, with a bar where there are many.

    After the iteration, `gathered` knows what was passed by.
    """

    def __init__(self, paths: Sequence[str], task: Task, jobs: int | None) -> None:
        self._task = task
        self._jobs = jobs or _cpus()
        self._bar = None
        if _may_be_many(paths):
            from rnnswap.cli._progress import Bar

            self._bar = Bar() if Bar.wanted() else None
        told = self._bar.told if self._bar is not None else None
        self.gathered = Gathered(paths, wanted_words(task.plan), told)

    def __iter__(self) -> Iterator[Outcome]:
        """Yield outcomes in the order of the files; the screen is free for printing then."""
        try:
            for outcome in run(self.gathered, self._task, self._jobs):
                self._clear()
                yield outcome
        finally:
            self._clear()

    def notes(self) -> list[str]:
        """Return what the user should know about paths beside the files' own lines."""
        notes = [
            f"{shown(folder)}: no Python file or notebook in it" for folder in self.gathered.empty
        ]
        links = self.gathered.links
        if links:
            what = "1 symbolic link" if links == 1 else f"{links:,} symbolic links"
            notes.append(f"{what} in folders not followed; name what they lead to")
        return notes

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()


def _may_be_many(paths: Sequence[str]) -> bool:
    return any(os.path.isdir(path) for path in paths)  # noqa: PTH112


def _cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def failure_line(path: str, failure: Located) -> str:
    """Return the line that says why nothing was done to a file."""
    place = "" if failure.place is None else f":{failure.place}"
    return f"{shown(path)}{place} {failure.code} {failure.message}"


def shown(path: str) -> str:
    """Return a path for the screen: what would move the cursor or end the line is spelled out."""
    text = click.format_filename(path)
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def write_result(data: bytes) -> None:
    """Write results to standard output.

    Raises:
        RewriteError: It is closed, or its device is full. A pipe closed at its other end is
            click's to handle.
    """
    path = "<stdout>"
    if sys.stdout is None:
        reason = "cannot be written: standard output is closed"
        raise RewriteError(reason, path, code=UNWRITABLE)
    try:
        click.echo(data, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = f"cannot be written: {explain(error)}"
        raise RewriteError(reason, path, code=UNWRITABLE) from error


def say(text: str) -> None:
    """Print a line of talk."""
    click.echo(text, err=True)
