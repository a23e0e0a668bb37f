"""`metrics.jsonl`: one JSON object a step. Imports no torch."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING

from rnnswap.training.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_KEYS = tuple(f.name for f in fields(Step))
_NUMBERS = tuple(f.name for f in fields(Step) if f.type in ("float", "float | None", "int | None"))
_NEEDED = tuple(f.name for f in fields(Step) if f.type == "float")
#: As many digits as bring a float32 back exactly.
_SHORT = ".9g"


class MetricsWriter:
    """Writes steps to a file as they come; whatever goes wrong does not reach the caller.

    Training goes on when the disk is full. The file then ends with the last whole line.

    Args:
        path: The file; it is replaced.

    Attributes:
        failure: Why writing ended early, None if it did not.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.failure: str | None = None
        # Unbuffered: nothing waits in a buffer that a forked child would write a second time.
        self._file = path.open("wb", buffering=0)
        self._end = 0

    def write(self, steps: Iterable[Step]) -> None:
        """Append the steps."""
        if self.failure is not None:
            return
        data = "".join(map(to_line, steps)).encode()
        try:
            while data:
                written = self._file.write(data)
                data = data[written:]
            self._end = self._file.tell()
        except OSError as error:
            self.failure = f"{self._file.name}: {(error.strerror or str(error)).lower()}"
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or str(error)


class MetricsReader:
    """Reads steps back, one at a time; lines that are none are counted and left out.

    Args:
        path: The file.

    Attributes:
        lines: How many lines were read so far.
        bad: How many of them were no step.
        first_bad: The number of the first of these, from 1; 0 for none.
    """

    def __init__(self, path: Path) -> None:
        self.lines = self.bad = self.first_bad = 0
        self._path = path

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps.

        Raises:
            OSError: The file cannot be read.
        """
        with self._path.open("rb") as file:
            for line in file:
                self.lines += 1
                step = from_line(line)
                if step is not None:
                    yield step
                    continue
                self.bad += 1
                self.first_bad = self.first_bad or self.lines


def to_line(step: Step) -> str:
    """Return a step as one line of JSON."""
    # By hand: this is written at every step, and json takes three times as long.
    line = (
        f'{{"step":{step.step},"optimizer":{step.optimizer},"time":{step.time:{_SHORT}},'
        f'"seconds":{_number(step.seconds)},'
        f'"backward_seconds":{step.backward_seconds:{_SHORT}},'
        f'"optimizer_seconds":{step.optimizer_seconds:{_SHORT}},'
        f'"loss":{_number(step.loss)},"norm_before":{_number(step.norm_before)},'
        f'"norm_after":{_number(step.norm_after)},"share":{_number(step.share)},'
        f'"clipped":{"true" if step.clipped else "false"},'
        f'"nonfinite":{json.dumps(step.nonfinite) if step.nonfinite else "[]"},'
        f'"peak_memory":{"null" if step.peak_memory is None else step.peak_memory}'
    )
    if step.layers is not None:
        norms = ",".join(f"{json.dumps(k)}:{_number(v)}" for k, v in step.layers.items())
        line += f',"layers":{{{norms}}}'
    return line + "}\n"


def from_line(line: bytes) -> Step | None:
    """Return the step that a line has; None if it has none."""
    try:
        row = json.loads(line)
        step = Step(**{name: row[name] for name in _KEYS if name in row})
        return step if _sound(step) else None
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:{_SHORT}}"


def _sound(step: Step) -> bool:
    """Whether every field has a value of its type: a file may have been edited by hand."""
    layers = {} if step.layers is None else step.layers
    if not isinstance(layers, dict) or not isinstance(step.nonfinite, list):
        return False
    if (
        type(step.step) is not int
        or type(step.optimizer) is not int
        or type(step.clipped) is not bool
    ):
        return False
    if step.step < 1 or step.optimizer < 0 or None in (getattr(step, name) for name in _NEEDED):
        return False
    numbers = [*(getattr(step, name) for name in _NUMBERS), *layers.values()]
    return all(n is None or (type(n) in (int, float) and math.isfinite(n)) for n in numbers)
