"""Does to one file what was asked for, and says what came of it. Runs in any process."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rnnswap import discovery
from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes, files
from rnnswap.patch.source.check import parse
from rnnswap.patch.source.documents import Document, Place, open_document
from rnnswap.patch.source.plan import Plan
from rnnswap.patch.source.rewrite import find, rewrite
from rnnswap.patch.source.selection import Selection
from rnnswap.spec import Finding

#: The path that stands for standard input.
STDIN = "-"

_MEGABYTE = 1_000_000
#: The largest source that is rewritten unless another limit is asked for, in bytes.
MAX_SIZE = 2 * _MEGABYTE


class Task(NamedTuple):
    """What to do with each file.

    Args:
        plan: What is replaced by what.
        selection: The codes that are wanted.
        edit: Whether to rewrite, not only to find.
        write: Whether the result goes where the source is from.
        diff: Whether to return the difference.
        output: Where else the result goes, or None.
        max_size: The largest source that is taken, in bytes.
    """

    plan: Plan
    selection: Selection = Selection()
    edit: bool = True
    write: bool = True
    diff: bool = False
    output: str | None = None
    max_size: int = MAX_SIZE


class Located(NamedTuple):
    """A finding or a failure and where it is.

    Args:
        place: Where; None for a failure that is the whole file's.
        code: A code of `codes`.
        message: What was found, and why it was left or deserves a look.
    """

    place: Place | None
    code: str
    message: str


class Outcome(NamedTuple):
    """What came of one file.

    Args:
        path: As the user would write it.
        findings: In order.
        changed: Whether the result differs from the source.
        failure: Why nothing was done, or None.
        printed: What belongs on standard output.
        nothing: In a file that was named, why nothing is reported; else "".
    """

    path: str
    findings: tuple[Located, ...] = ()
    changed: bool = False
    failure: Located | None = None
    printed: bytes = b""
    nothing: str = ""


class Item(NamedTuple):
    """A file to work on; `named` says whether the user named it, not a folder that holds it."""

    path: str
    named: bool


class _Source(NamedTuple):
    """What was read: from a file, or from standard input, where `file` is None."""

    path: str
    data: bytes
    file: files.SourceFile | None


def work(item: Item, task: Task) -> Outcome:
    """Do what `task` asks for to one file; nothing that is wrong with it is raised."""
    try:
        return _work(item, task)
    except RewriteError as error:
        return failed(error)
    except Exception as error:
        # A mistake of ours must not keep the other files from being worked on.
        return failed(_own_failure(error, item.path))


def failed(error: RewriteError, document: Document | None = None) -> Outcome:
    """Return the outcome of a file that could not be read, rewritten or written."""
    place, reason = None, error.reason
    if error.line is not None:
        place = Place(error.line, error.column, None, error.line)
        if document is not None:
            place = document.place(error.line, error.column)
    if document is not None:
        reason = _with_cells(reason, document)
    return Outcome(error.path, failure=Located(place, error.code, reason))


def wanted_words(plan: Plan) -> list[tuple[bytes, ...]]:
    """Return groups of words: a file that has all of no group has nothing for this plan."""
    alone = [(word.encode(),) for word in plan.words()]
    return alone + [(b"torch", word.encode()) for word in plan.words_with_torch()]


def _words(plan: Plan) -> tuple[str, ...]:
    return (*plan.words(), *plan.words_with_torch())


def _work(item: Item, task: Task) -> Outcome:
    source = _read(item, task)
    if source is None:
        return Outcome(item.path, nothing=_why_nothing(task, ""))
    document = open_document(source.data, source.path, _words(task.plan))
    text = document.text
    may_match = task.plan.may_match(text)
    try:
        if may_match:
            _check_size(len(text), source.path, task.max_size)
        elif item.named:
            # Nothing would parse it, but a file that is named deserves to hear that it is broken.
            parse(text.removeprefix("\ufeff"), source.path)
        new = text
        found: list[Finding] = []
        if may_match and task.edit:
            new, found = rewrite(text, task.plan, source.path)
        elif may_match:
            found = find(text, task.plan, source.path)
    except RewriteError as error:
        return failed(error, document)
    result = source.data if new == text else document.with_text(new)
    findings = tuple(_located(f, document) for f in found if f.code in task.selection.codes)
    return Outcome(
        source.path,
        findings,
        changed=new != text,
        printed=_put(source, result, document.encoding, task),
        nothing=_nothing(task, text, found) if item.named and not findings else "",
    )


def _read(item: Item, task: Task) -> _Source | None:
    """Return what there is to work on, or None for a large file that has nothing in it.

    Raises:
        RewriteError: It cannot be read, or is too large.
    """
    if item.path == STDIN:
        return _Source("<stdin>", _read_stdin("<stdin>"), None)
    size = files.size_of(item.path)
    # What counts in a notebook is its code, not its pictures.
    if size > task.max_size and not item.path.endswith(".ipynb"):
        from rnnswap.patch.source.walk import mentions

        if not mentions(item.path, wanted_words(task.plan)):
            return None
        _check_size(size, item.path, task.max_size)
    file = files.read(item.path)
    return _Source(item.path, file.data, file)


def _check_size(size: int, path: str, limit: int) -> None:
    if size > limit:
        has = f"is larger than {_megabytes(limit)} ({_megabytes(size)})"
        reason = f"{has}; if it is to be rewritten all the same, raise --max-size"
        raise RewriteError(reason, path, code=codes.TOO_LARGE)


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.3g} MB" if size >= _MEGABYTE / 100 else f"{size} bytes"


def _put(source: _Source, result: bytes, encoding: str, task: Task) -> bytes:
    """Write the result where it belongs and return what is to be printed."""
    if task.diff:
        from rnnswap.patch.source.difference import difference

        old, new = source.data.decode(encoding), result.decode(encoding)
        return difference(source.path, old, new, encoding) if old != new else b""
    if not task.write:
        return b""
    if task.output not in (None, STDIN):
        status = source.file.status if source.file is not None else None
        files.write_new(str(task.output), result, status)
    elif source.file is None or task.output == STDIN:
        return result
    elif result != source.data:
        files.write(source.file, result)
    return b""


def _located(finding: Finding, document: Document) -> Located:
    place = document.place(finding.line, finding.column)
    message = finding.message
    if place.magic and finding.code == codes.IN_STRING:
        message = f"{message.partition(' ')[0]} kept: it stands in a magic"
    spelled, kept, why = message.rpartition(" kept: ")
    return Located(place, finding.code, spelled + kept + _with_cells(why, document))


def _with_cells(text: str, document: Document) -> str:
    """Return a message in which lines of a notebook are those of its cells."""

    def spelled(found: re.Match[str]) -> str:
        place = document.place(int(found.group(1)), 1)
        return found.group() if place.cell is None else f"in cell {place.cell}, line {place.line}"

    return re.sub(r"\bin line (\d+)\b", spelled, text)


def _nothing(task: Task, text: str, found: Sequence[Finding]) -> str:
    if found:
        return "what was found is not selected"
    return _why_nothing(task, text)


def _why_nothing(task: Task, text: str) -> str:
    plan = task.plan
    use = "selected use" if plan.leave else "use"
    loop = ", nor an optimizer's step" if plan.clipping is not None else ""
    if len(plan.sources) > 1:
        return f"no {use} of a registered cell found that is not torch.nn.LSTM already{loop}"
    classes = dict.fromkeys(spec.target.replace(":", ".") for spec in plan.sources)
    return f"no {use} of {' or '.join(classes)} found{loop}{_other_source(plan, text)}"


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


def _own_failure(error: Exception, path: str) -> RewriteError:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
    reason = f"rnnswap failed: {type(error).__name__}: {error}{where}; left as it is"
    return RewriteError(reason.replace("\n", " "), path, code=codes.DIED)
