"""`metrics.jsonl`: one JSON object a step. Imports no torch."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from rnnswap.training.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FIELDS = tuple(f.name for f in fields(Step) if f.name != "layers")
_KEYS = (*_FIELDS, "layers")
_NUMBERS = tuple(f.name for f in fields(Step) if f.type in ("float", "float | None", "int | None"))
#: Digits that bring a float32 back exactly; times need fewer.
_DIGITS = 9


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
    row: dict[str, Any] = {name: _short(getattr(step, name)) for name in _FIELDS}
    if step.layers is not None:
        row["layers"] = {name: _short(norm) for name, norm in step.layers.items()}
    return json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n"


def from_line(line: bytes) -> Step | None:
    """Return the step that a line has; None if it has none."""
    try:
        row = json.loads(line)
        step = Step(**{name: row[name] for name in _KEYS if name in row})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return step if _sound(step) else None


def _short(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _sound(step: Step) -> bool:
    """Whether every field has a value of its type: a file may have been edited by hand."""
    layers = {} if step.layers is None else step.layers
    if not isinstance(layers, dict) or not isinstance(step.nonfinite, list):
        return False
    if not isinstance(step.step, int) or not isinstance(step.optimizer, int) or step.time is None:
        return False
    numbers = [*(getattr(step, name) for name in _NUMBERS), *layers.values()]
    return all(n is None or (isinstance(n, int | float) and math.isfinite(n)) for n in numbers)
