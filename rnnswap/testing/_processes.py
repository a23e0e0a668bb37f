"""Checks in two processes: DistributedDataParallel and FSDP2 on the CPU."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from rnnswap.testing._checks import FULL, CheckFailedError, CheckSkippedError, check
from rnnswap.testing._subject import Subject

_PROCESSES = 2
_SECONDS = 120  # a fresh interpreter imports torch in two to ten


@check(level=FULL)
def ddp(subject: Subject) -> None:
    """DistributedDataParallel on two processes trains as one process on the whole batch."""
    _require_done(subject, "ddp")


@check(level=FULL)
def fsdp(subject: Subject) -> None:
    """FSDP2's fully_shard on two processes trains as one process on the whole batch."""
    _require_done(subject, "fsdp")


@check(level=FULL)
def fsdp_reset(subject: Subject) -> None:
    """reset_parameters after fully_shard on the meta device sets what one process sets."""
    _require_done(subject, "fsdp_reset")


def _require_done(subject: Subject, what: str) -> None:
    """Fail with what a worker reported about `what`; all are done in one start."""
    if not torch.distributed.is_available():
        raise CheckSkippedError("this build of torch has no torch.distributed")
    outcomes = subject.once("processes", lambda: _run_workers(subject))
    for reason in filter(None, (outcome.get("skipped") for outcome in outcomes)):
        raise CheckSkippedError(reason)
    for rank, outcome in enumerate(outcomes):
        failure = outcome.get(what, "no result")
        if failure:
            raise CheckFailedError(f"process {rank} of {_PROCESSES}: {failure}")


def _run_workers(subject: Subject) -> list[dict[str, str]]:
    target = _target(subject.cls)
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder, "task.pickle")
        task.write_bytes(pickle.dumps((target, subject.options)))
        started = [_start(task, rank) for rank in range(_PROCESSES)]
        try:
            _wait(started)
        finally:
            for process in started:
                process.kill()
            errors = [process.communicate()[1] for process in started]
        return [_outcome(task, rank, errors[rank]) for rank in range(_PROCESSES)]


def _wait(started: list[subprocess.Popen[str]]) -> None:
    """Wait until all have ended, one has failed, or time is up."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        codes = [process.poll() for process in started]
        if None not in codes or any(codes):
            return
        time.sleep(0.05)


def _start(task: Path, rank: int) -> subprocess.Popen[str]:
    # A process of its own rather than torch.multiprocessing's: that one runs the caller's main
    # script again, which is safe only for scripts written for it.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "rnnswap.testing._worker"]
    return subprocess.Popen(
        [*command, str(task), str(rank), str(_PROCESSES)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _outcome(task: Path, rank: int, errors: str) -> dict[str, str]:
    """Return what failed, by what was tried; a process that reported nothing failed at all."""
    written = task.with_name(f"{rank}.json")
    if written.exists():
        found: dict[str, str] = json.loads(written.read_text("utf-8"))
        return found
    last = errors.strip().splitlines()[-1:] or [f"no result within {_SECONDS} s"]
    return dict.fromkeys(("ddp", "fsdp", "fsdp_reset"), last[0])


def _target(cls: type) -> tuple[str, str]:
    """Return (module, name) by which another process imports the class."""
    module, name = cls.__module__, cls.__qualname__
    found: Any = None
    if module != "__main__" and "<locals>" not in name:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part, None)
    if found is not cls:
        raise CheckSkippedError(f"another process cannot import {module}.{name}")
    return module, name
