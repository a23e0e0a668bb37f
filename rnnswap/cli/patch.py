"""`rnnswap patch`: rewrites source files in place. Imports no torch and no rich."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import click

from rnnswap import discovery
from rnnswap.cli import EXIT_CHECK, EXIT_UNREADABLE
from rnnswap.cli._console import AttentionName, CellName, cell_options
from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes, files
from rnnswap.patch.source.check import parse
from rnnswap.patch.source.plan import Plan, make_plan
from rnnswap.patch.source.rewrite import rewrite
from rnnswap.spec import Finding

_STDIN = "-"


@dataclass
class _Totals:
    """How many files came to which end."""

    changed: int = 0
    unchanged: int = 0
    failed: int = 0


@click.command()
@click.argument("paths", metavar="FILES...", nargs=-1, required=True)
@click.option("--cell", type=CellName(), default="janet", show_default=True, help="Cell to write.")
@click.option(
    "--source",
    type=CellName(),
    help="Cell to replace.  [default: lstm; with --cell lstm, every other cell]",
)
@click.option(
    "--attention",
    type=AttentionName(),
    help="Attention mechanism to put over the cell.  [default: none]",
)
@click.option(
    "--cell-arg",
    "cell_arguments",
    metavar="NAME=VALUE",
    multiple=True,
    help="Option of the cell, appended to constructor calls; repeatable.  [default: none]",
)
@click.option(
    "--diff", is_flag=True, help="Print what would change; write nothing.  [default: off]"
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit with 1 if something would change.  [default: off]",
)
@click.pass_context
def patch(
    ctx: click.Context,
    paths: tuple[str, ...],
    cell: str,
    source: str | None,
    attention: str | None,
    cell_arguments: tuple[str, ...],
    diff: bool,
    check: bool,
) -> None:
    """Rewrite nn.LSTM in source files into another cell.

    FILES are rewritten in place; - reads standard input and writes the result to standard output.
    What cannot be rewritten is left and reported as FILE:LINE:COLUMN CODE MESSAGE.

    Exits with 0 if done or nothing was to do; 1 with --check if something would change; 2 for
    misuse; 123 if a file could not be read, parsed or rewritten, while the others go on.
    """
    plan = make_plan(cell, source, attention, cell_options(cell, cell_arguments))
    totals = _Totals()
    one_run = _Run(plan, diff, check, totals)
    first, *others = dict.fromkeys(paths)
    with _collector_paused():
        one_run.one(first)
    for path in others:
        one_run.one(path)
    _say(_summary(totals, conditional=diff or check))
    if totals.failed:
        ctx.exit(EXIT_UNREADABLE)
    if check and totals.changed:
        ctx.exit(EXIT_CHECK)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the collector the many objects of libcst's modules, imported for the first file."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Run(NamedTuple):
    """One invocation: what to do with each file and where to count it."""

    plan: Plan
    diff: bool
    check: bool
    totals: _Totals

    @property
    def conditional(self) -> bool:
        """Return whether nothing is written."""
        return self.diff or self.check

    def one(self, path: str) -> None:
        """Rewrite one file, or say why not, and count it."""
        try:
            changed = self._stdin() if path == _STDIN else self._file(path)
        except RewriteError as error:
            self.totals.failed += 1
            place = "" if error.line is None else f":{error.line}:{error.column}"
            _say(f"{click.format_filename(error.path)}{place} {error.code} {error.reason}")
            return
        if changed:
            self.totals.changed += 1
        else:
            self.totals.unchanged += 1

    def _file(self, path: str) -> bool:
        file = files.read(path)
        text, findings = self._rewritten(file.text, path)
        changed = text != file.text
        if changed and not self.conditional:
            files.write(file, text)
        if changed and self.diff:
            _print(_diff(path, file.text, text, file.encoding))
        self._report(path, text, findings)
        return changed

    def _rewritten(self, text: str, path: str) -> tuple[str, list[Finding]]:
        if not self.plan.may_match(text):
            # Nothing would parse it, but a file that is named deserves to hear that it is broken.
            parse(text.removeprefix("\ufeff"), path)
        return rewrite(text, self.plan, path)

    def _stdin(self) -> bool:
        path = "<stdin>"
        data = _read_stdin(path)
        old, encoding = files.decode(data, path)
        text, findings = self._rewritten(old, path)
        if self.diff and text != old:
            _print(_diff(path, old, text, encoding))
        elif not self.conditional:
            _print(text.encode(encoding))
        self._report(path, text, findings)
        return text != old

    def _report(self, path: str, text: str, findings: list[Finding]) -> None:
        path = click.format_filename(path)
        places: dict[str, list[str]] = {}
        for finding in findings:
            if finding.code.startswith("RSW1"):
                place = f"{finding.line}:{finding.column}"
                places.setdefault(finding.message, []).append(place)
        if places:
            done = "; ".join(f"{what} at {', '.join(where)}" for what, where in places.items())
            _say(f"{path}: {'would be rewritten: ' if self.conditional else ''}{done}")
        elif findings:
            _say(f"{path}: left as it is")
        else:
            _say(f"{path}: nothing to do, {_why_nothing(self.plan, text)}")
        for finding in findings:
            if not finding.code.startswith("RSW1"):
                place = f"{finding.line}:{finding.column}"
                _say(f"{path}:{place} {finding.code} {finding.message}")


def _why_nothing(plan: Plan, text: str) -> str:
    if len(plan.sources) > 1:
        return "no use of a registered cell found that is not torch.nn.LSTM already"
    classes = dict.fromkeys(spec.target.replace(":", ".") for spec in plan.sources)
    return f"no use of {' or '.join(classes)} found{_other_source(plan, text)}"


def _other_source(plan: Plan, text: str) -> str:
    """Return a hint if the text seems to use another cell, which could be the source."""
    words = set(re.findall(r"\w+", text))
    here = {plan.cell.target, *(spec.target for spec in plan.sources)}
    for entry in discovery.installed().cells:
        spec = entry.spec
        module, _, name = spec.target.partition(":")
        if spec.target not in here and {name, module.partition(".")[0]} <= words:
            return f"; it uses {module}.{name}: name it with --source {spec.name}"
    return ""


def _read_stdin(path: str) -> bytes:
    if sys.stdin is None:
        reason = "cannot be read: standard input is closed"
        raise RewriteError(reason, path, code=codes.UNREADABLE)
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        reason = f"cannot be read: {files.explain(error)}"
        raise RewriteError(reason, path, code=codes.UNREADABLE) from error


def _print(data: bytes) -> None:
    """Write results to standard output.

    Raises:
        RewriteError: It is closed, or its device is full. A pipe closed at its other end is
            click's to handle.
    """
    path = "<stdout>"
    if sys.stdout is None:
        reason = "cannot be written: standard output is closed"
        raise RewriteError(reason, path, code=codes.UNWRITABLE)
    try:
        click.echo(data, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = f"cannot be written: {files.explain(error)}"
        raise RewriteError(reason, path, code=codes.UNWRITABLE) from error


def _summary(totals: _Totals, conditional: bool) -> str:
    would = "would be " if conditional else ""
    files_ = "file" if totals.changed == 1 else "files"
    parts = [
        f"{totals.changed} {files_} {would}rewritten",
        f"{totals.unchanged} {would}left unchanged",
    ]
    if totals.failed:
        parts.append(f"{totals.failed} failed")
    return ", ".join(parts)


def _diff(path: str, old: str, new: str, encoding: str) -> bytes:
    """Return a unified diff whose lines are bytes of the file, so that patch can apply it."""
    import difflib

    lines = list(_marked(difflib.unified_diff(_lines(old), _lines(new), path, path)))
    header = "".join(lines[:2]).encode("utf-8", "surrogateescape")
    return header + "".join(lines[2:]).encode(encoding)


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as diff and patch do."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _marked(lines: Iterator[str]) -> Iterator[str]:
    """Mark a line without line feed as diff does, so that patch can apply it."""
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _say(text: str) -> None:
    click.echo(text, err=True)
