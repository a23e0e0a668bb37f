"""What metrics.jsonl holds, and how it is read back whatever became of it."""

import errno
import json
import math
from dataclasses import asdict, fields

import pytest

from rnnswap.training.metrics import MetricsReader, MetricsWriter, from_line, to_line
from rnnswap.training.steps import Step, Totals

FULL = Step(
    7,
    1,
    12.5,
    seconds=0.25,
    backward_seconds=0.125,
    optimizer_seconds=0.03125,
    loss=-1.5e-12,
    norm_before=3.0,
    norm_after=1.0,
    share=0.5,
    clipped=True,
    nonfinite=[],
    peak_memory=2**40,
    layers={'rnn "1"': 2.0, "fc": None},
)
SPARSE = Step(1, 0, 0.5, nonfinite=["loss", "norm_before"])


@pytest.mark.parametrize("step", [FULL, SPARSE], ids=["full", "sparse"])
def test_line_is_json_and_reads_back(step):
    line = to_line(step)
    assert line.endswith("}\n")
    row = json.loads(line, parse_constant=pytest.fail)
    assert [*row] == [f.name for f in fields(Step) if f.name in row]
    assert {**row, "layers": row.get("layers")} == asdict(step)
    assert from_line(line.encode()) == step


def test_float32_survives():
    import struct

    (third,) = struct.unpack("f", struct.pack("f", 1 / 3))
    (again,) = struct.unpack(
        "f", struct.pack("f", from_line(to_line(Step(1, 0, 0.0, loss=third)).encode()).loss)
    )
    assert again == third


def test_numbers_json_has_not_are_dropped_and_listed():
    step = Step(1, 0, 0.0, loss=math.nan, norm_before=math.inf, layers={"a": math.nan, "b": 1.0})
    step.drop_nonfinite()
    row = json.loads(to_line(step), parse_constant=pytest.fail)
    assert row["nonfinite"] == ["loss", "norm_before"]
    assert row["loss"] is None
    assert row["layers"] == {"a": None, "b": 1.0}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"5",
        b"[]",
        b"null",
        b'{"step": 1, "optimizer": 0',
        b"\xff\xfe",
        b"{}",
        b'{"step": 1, "optimizer": 0, "time": null}',
        b'{"step": 0, "optimizer": 0, "time": 1}',
        b'{"step": true, "optimizer": 0, "time": 1}',
        b'{"step": 1.5, "optimizer": 0, "time": 1}',
        b'{"step": 1, "optimizer": -1, "time": 1}',
        b'{"step": 1, "optimizer": 0, "time": 1, "loss": "low"}',
        b'{"step": 1, "optimizer": 0, "time": 1, "loss": NaN}',
        b'{"step": 1, "optimizer": 0, "time": 1, "loss": 1e999}',
        b'{"step": 1, "optimizer": 0, "time": 1, "loss": true}',
        b'{"step": 1, "optimizer": 0, "time": 1, "layers": [1]}',
        b'{"step": 1, "optimizer": 0, "time": 1, "layers": {"a": "b"}}',
        b'{"step": 1, "optimizer": 0, "time": 1, "nonfinite": 3}',
        b'{"step": 1, "optimizer": 0, "time": 1, "clipped": 3}',
        b'{"step": 1, "optimizer": 0, "time": 1, "backward_seconds": null}',
        b'{"step": 1, "optimizer": 0, "time": 1, "peak_memory": 1' + b"0" * 400 + b"}",
        b'{"step": 9' + b"9" * 5000 + b', "optimizer": 0, "time": 1}',
        b"[" * 100_000,
    ],
    ids=lambda line: line[:60],
)
def test_line_that_is_no_step_is_none(line):
    assert from_line(line) is None


def test_fields_of_a_later_version_are_left_out():
    assert from_line(b'{"step": 1, "optimizer": 0, "time": 1, "new": 3}') == Step(1, 0, 1)


def test_bad_lines_are_counted_and_the_others_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    good = to_line(FULL).encode()
    path.write_bytes(good + b"\0\0\0\n" + good + b"half\n" + good[:50])
    reader = MetricsReader(path)
    assert [*reader] == [FULL, FULL]
    assert (reader.lines, reader.bad, reader.first_bad) == (5, 3, 2)


def test_full_disk_ends_the_file_with_a_whole_line(tmp_path):
    """And nothing reaches the script, whose training goes on."""
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    writer.write([FULL])
    file, writer._file = writer._file, Full(writer._file, room=100)
    writer.write([SPARSE, SPARSE])
    assert "no space left on device" in writer.failure
    assert str(tmp_path) in writer.failure
    writer._file = file
    writer.write([FULL])
    writer.close()
    assert (tmp_path / "metrics.jsonl").read_text() == to_line(FULL)


class Full:
    """A file on a disk with so many bytes of room."""

    def __init__(self, file, room):
        self.name, self.truncate, self._file, self._room = file.name, file.truncate, file, room

    def write(self, data):
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(data[: self._room])
        self._room -= written
        return written


def test_totals_of_nothing_and_of_something():
    totals = Totals()
    assert totals.summary(1.0).norm_before is None
    first = Step(1, 0, 9.0, None, 5.0, 1.0, loss=4.0, norm_before=2.0, norm_after=1.0, share=1.0)
    second = Step(2, 0, 10.0, 1.0, 0.5, 0.25, loss=3.0, norm_before=4.0, norm_after=1.0, share=0.0)
    lost = Step(3, 0, 11.0, 1.0, 0.5, 0.25, nonfinite=["norm_before"], peak_memory=7, clipped=True)
    for step in (first, second, lost):
        totals.add(step)
    summary = totals.summary(11.0)
    assert (summary.steps, summary.nonfinite, summary.clipped_steps) == (3, 1, 1)
    assert (summary.first_loss, summary.last_loss, summary.peak_memory) == (4.0, 3.0, 7)
    assert (summary.norm_before, summary.norm_after, summary.share) == (3.0, 1.0, 0.5)
    # The first step's time is everything's before the loop.
    assert (summary.step_seconds, summary.backward_share, summary.optimizer_share) == (
        1.0,
        0.5,
        0.25,
    )
