"""What a child process leaves of what it did, and how its parent reads that."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rnnswap.training.folder import METRICS, write_page
from rnnswap.training.metrics import MetricsReader, MetricsWriter
from rnnswap.training.steps import Summary, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rnnswap.patch._runtime import Construction, LeftAlone
    from rnnswap.training.session import Session
    from rnnswap.training.steps import Step

_CONSTRUCTED = "constructed.json"


@dataclass(frozen=True, slots=True)
class Child:
    """What a child process did, as far as it could tell."""

    summary: Summary
    swapped: list[Construction]
    left: list[LeftAlone]


def begin(session: Session, folder: Path) -> None:
    """Record this process, a child, in a folder of its own in `folder`, from now on."""
    _Record(session, folder)


def read_all(folder: Path) -> list[Child]:
    """Return what the children did that left a record in `folder`."""
    folders = sorted(path.parent for path in folder.glob(f"*/{METRICS}"))
    return [_read(child) for child in folders]


class _Record:
    """What a child writes: its steps and constructions, early and often as it may be killed."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._process = os.getpid()
        self._folder = folder / str(self._process)
        self._writer: MetricsWriter | None = None
        if session.report is not None:
            session.report.swapped.clear()
            session.report.left.clear()
        session.recorder.restart(seconds=0.2)
        session.recorder.sink = self._write
        # Children of multiprocessing end without atexit, others without its finalizers.
        atexit.register(self.finish)
        if (util := sys.modules.get("multiprocessing.util")) is not None:
            util.register_after_fork(self, _Record._finish_with_multiprocessing)
            # What is to be finalized is forgotten when a child's work begins, which it may have.
            self._finish_with_multiprocessing()

    def finish(self) -> None:
        """Write what is not yet written."""
        if os.getpid() == self._process:
            with contextlib.suppress(Exception):
                self._session.recorder.flush()
                report = self._session.report
                if report is not None and (report.swapped or report.left):
                    self._write([])

    def _finish_with_multiprocessing(self) -> None:
        util = sys.modules["multiprocessing.util"]
        util.Finalize(None, self.finish, exitpriority=0)

    def _write(self, steps: Iterable[Step]) -> None:
        report = self._session.report
        with contextlib.suppress(OSError):
            if self._writer is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._writer = MetricsWriter(self._folder / METRICS)
            self._writer.write(steps)
            if report is not None:
                found = {
                    "swapped": [asdict(layer) for layer in report.swapped],
                    "left": [asdict(layer) for layer in report.left],
                }
                write_page(self._folder / _CONSTRUCTED, json.dumps(found))


def _read(folder: Path) -> Child:
    totals, seconds = Totals(), 0.0
    for step in MetricsReader(folder / METRICS):
        totals.add(step)
        seconds = step.time
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / _CONSTRUCTED).read_bytes())
    swapped, left = found.get("swapped", ()), found.get("left", ())
    if not swapped and not left:
        return Child(totals.summary(seconds), [], [])
    # Here, not above: these import torch, which a parent need not have done.
    from rnnswap.patch._runtime import Construction, LeftAlone

    return Child(
        totals.summary(seconds),
        [Construction(**layer) for layer in swapped],
        [LeftAlone(**layer) for layer in left],
    )
