"""A run's report folder: metrics.jsonl, summary.json, report.html. Imports no torch."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnswap.errors import ReportError
from rnnswap.patch.source.files import explain, write_new

if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS, SUMMARY, PAGE = "metrics.jsonl", "summary.json", "report.html"
#: What child processes did; a folder for each that made a step or constructed a layer.
CHILDREN = "children"
#: Raised when a field of summary.json or metrics.jsonl changes its meaning or goes.
SCHEMA = 1


def prepare(path: str) -> Path:
    """Make the folder for a new run and return its absolute path.

    Raises:
        ReportError: It cannot be made or written to, or holds a run already.
    """
    if not path:
        raise ReportError("report folder '' cannot be used: no name")
    folder = Path(os.path.abspath(path))  # noqa: PTH100  (a link stays a link)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (METRICS, SUMMARY, CHILDREN):
            if os.path.lexists(folder / name):
                raise ReportError(
                    f"report folder {path!r} holds a run already ({name}); name another, "
                    "or delete it"
                )
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise ReportError(f"report folder {path!r} is a file; name a folder") from None
    except OSError as error:
        raise ReportError(f"report folder {path!r} cannot be used: {explain(error)}") from error
    return folder


def free_for_another_try(path: str) -> str:
    """Return the folder for a run that goes on in the place of the one in `path`.

    That is `path` itself if no step was written there, which is forgotten then; else the first of
    `restart-1`, `restart-2` ... in it that is not there.
    """
    folder = Path(path)
    if not os.path.lexists(folder / METRICS):
        return path
    if not (folder / METRICS).stat().st_size and not os.path.lexists(folder / CHILDREN):
        for name in (METRICS, SUMMARY):
            (folder / name).unlink(missing_ok=True)
        return path
    numbers = itertools.count(1)
    return str(next(t for n in numbers if not os.path.lexists(t := folder / f"restart-{n}")))


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Replace summary.json as a whole.

    Raises:
        RewriteError: It cannot be written; what was there stays.
    """
    text = json.dumps({"schema": SCHEMA, **summary}, indent=2, default=str)
    write_new(str(folder / SUMMARY), f"{text}\n".encode("utf-8", "backslashreplace"), None)


def write_page(path: Path, text: str) -> None:
    """Replace a page as a whole.

    Raises:
        RewriteError: It cannot be written; what was there stays.
    """
    write_new(str(path), text.encode("utf-8", "backslashreplace"), None)


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Return what summary.json has; None if it is not there or cannot be read as an object."""
    try:
        found = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
