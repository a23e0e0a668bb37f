"""`rnnswap scan`: reports findings and changes nothing. Imports no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import click

from rnnswap.cli import EXIT_CHECK, EXIT_UNREADABLE
from rnnswap.cli._sources import (
    Codes,
    Files,
    complete_path,
    failure_line,
    read_config,
    say,
    source_options,
    split_codes,
    task_of,
    write_result,
)
from rnnswap.errors import RewriteError
from rnnswap.patch.source.codes import ADVICE, MEANINGS
from rnnswap.patch.source.selection import FAILURES, expand, is_edit
from rnnswap.patch.source.work import Located, failed


@click.command()
@click.argument(
    "paths",
    metavar="[PATHS]...",
    nargs=-1,
    is_eager=True,
    callback=read_config,
    shell_complete=complete_path,
)
@source_options
@click.option(
    "--format",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How findings are printed: lines, a JSON array, or GitHub annotations.",
)
@click.option(
    "--fail-on",
    type=Codes(),
    multiple=True,
    help="Exit with 1 if one of these codes, or beginnings of codes, is found; repeatable.  "
    "[default: none]",
)
@click.pass_context
def scan(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Report every use of nn.LSTM, what patch would do with it and why.

    PATHS are files, folders (but for what .gitignore names, virtual environments and build
    folders; symbolic links in them are not followed), notebooks, or - for standard input; without
    one, the current folder. Nothing is written. Defaults can stand in [tool.rnnswap] of the nearest
    pyproject.toml above the first path.

    RSW1 codes are rewritten by patch, RSW2 left, RSW3 rewritten but deserve a look, RSW9 failed.

    Exits with 0; 1 with --fail-on if such a code was found; 2 for misuse; 123 if a file could not
    be read or parsed, while the others go on.
    """
    grave = expand(split_codes(options["fail_on"]))
    # A default of the argument's own: click refuses one with nargs=-1 before 8.3.
    found = Files(paths or (".",), task_of(ctx)._replace(edit=False, write=False), options["jobs"])
    printer = _PRINTERS[options["format"]](grave)
    counts: Counter[str] = Counter()
    files = files_with = 0
    try:
        for outcome in found:
            located = [*outcome.findings, *([outcome.failure] if outcome.failure else [])]
            files += 1
            files_with += bool(outcome.findings)
            counts.update(finding.code for finding in located)
            printer.print(outcome.path, located)
        printer.end()
    except RewriteError as error:  # standard output
        failure = failed(error).failure
        assert failure is not None
        say(failure_line(error.path, failure))
        ctx.exit(EXIT_UNREADABLE)
    for note in found.notes():
        say(note)
    say(_summary(counts, files_with, files + found.gathered.passed))
    if any(code.startswith(FAILURES) for code in counts):
        ctx.exit(EXIT_UNREADABLE)
    if grave & counts.keys():
        ctx.exit(EXIT_CHECK)


class _Text:
    """Two lines a finding: where, code and reason; then what to do."""

    def __init__(self, grave: frozenset[str]) -> None:
        pass

    def print(self, path: str, found: list[Located]) -> None:
        """Print the findings of a file."""
        lines = [f"{failure_line(path, one)}\n    {_advice(one.code)}\n" for one in found]
        _write("".join(lines))

    def end(self) -> None:
        """Print what ends the findings: nothing."""


class _Json:
    """An array of objects, one a line, that is complete at any number of findings."""

    def __init__(self, grave: frozenset[str]) -> None:
        self._before = "["

    def print(self, path: str, found: list[Located]) -> None:
        """Print the findings of a file."""
        parts = []
        for one in found:
            parts.append(f"{self._before}\n{json.dumps(_as_record(path, one))}")
            self._before = ","
        _write("".join(parts))

    def end(self) -> None:
        """Close the array."""
        _write("[]\n" if self._before == "[" else "\n]\n")


class _GitHub:
    """Workflow commands that GitHub shows at the lines of a pull request."""

    def __init__(self, grave: frozenset[str]) -> None:
        self._grave = grave

    def print(self, path: str, found: list[Located]) -> None:
        """Print the findings of a file."""
        _write("".join(self._line(path, one) for one in found))

    def end(self) -> None:
        """Print what ends the findings: nothing."""

    def _line(self, path: str, one: Located) -> str:
        level = "notice" if is_edit(one.code) else "warning"
        if one.code in self._grave or one.code.startswith(FAILURES):
            level = "error"
        properties = [f"file={_property(click.format_filename(path))}"]
        if one.place is not None:
            properties.append(f"line={one.place.file_line}")
            # The column counts in the cell, not in the notebook's JSON.
            properties += [] if one.place.cell else [f"col={one.place.column}"]
        properties.append(f"title={one.code}")
        text = f"{one.message} ({_advice(one.code)})"
        return f"::{level} {','.join(properties)}::{_data(text)}\n"


_PRINTERS: dict[str, Callable[[frozenset[str]], _Text | _Json | _GitHub]] = {
    "text": _Text,
    "json": _Json,
    "github": _GitHub,
}


def _as_record(path: str, one: Located) -> dict[str, str | int | None]:
    place = one.place
    return {
        "path": path,
        "cell": place.cell if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "code": one.code,
        "message": one.message,
        "meaning": MEANINGS[one.code],
        "advice": _advice(one.code),
    }


def _advice(code: str) -> str:
    if is_edit(code):
        return f"rnnswap patch does it; {ADVICE[code].removeprefix('nothing to do; ')}"
    return ADVICE[code]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _write(text: str) -> None:
    if text:
        write_result(text.encode("utf-8", "surrogateescape"))


def _summary(counts: Counter[str], files_with: int, files: int) -> str:
    failures = sum(counts[code] for code in counts if code.startswith(FAILURES))
    number = counts.total() - failures
    of_files = "1 file" if files == 1 else f"{files:,} files"
    if number == 0:
        text = f"no findings in {of_files}"
    else:
        each = [f"{c} {n:,}" for c, n in sorted(counts.items()) if not c.startswith(FAILURES)]
        findings = "1 finding" if number == 1 else f"{number:,} findings"
        text = f"{findings} in {files_with:,} of {of_files} ({', '.join(each)})"
    return f"{text}, {failures:,} failed" if failures else text
