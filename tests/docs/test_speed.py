"""The Speed section is what docs/benchmarks says; the figures are judged as they should be."""

import functools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnswap.bench.plan import MODES, SHAPES
from rnnswap.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def speed(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import speed

    return speed


@pytest.fixture
def verdicts(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import speed_verdicts

    return speed_verdicts.VERDICTS


def test_the_section_in_both_languages_is_what_was_measured(speed):
    measured = speed.load_all()
    assert {*speed.words()} == {"README.md", "README.zh-CN.md"}
    for name, language in speed.words().items():
        text = (ROOT / name).read_text("utf-8")
        assert text.count(speed.BEGIN) == text.count(speed.END) == 1
        between = text.partition(speed.BEGIN)[2].partition(speed.END)[0]
        assert between == speed.section(measured, language)


def test_the_measured_table_is_the_commands_default_one():
    found = json.loads((DOCS / "benchmarks" / "shapes.json").read_text("utf-8"))
    entries = [(e["shape"], e["mode"], e["cell"]) for e in found["entries"]]
    cells = ("nn.LSTM", "janet", "indrnn")
    assert entries == [(str(s), m, c) for s in SHAPES for m in MODES for c in cells]
    # With the C library, and on as many threads as there were cores.
    assert {e["implementation"] for e in found["entries"] if e["cell"] != "nn.LSTM"} == {"cpu"}
    assert found["machine"]["threads"] == found["machine"]["cores"]


def tiny(under, *arguments, impl=None):
    """As `speed.bench`, in this process and quickly; without shapes, at two small ones."""
    quick = ["--json", "--cell", "janet", "--cell", "indrnn"]
    quick += ["--sample-ms", "0", "--repeats", "1", "--threads", "1"]
    given = [a for a in arguments if a not in ("--repeats", "3", "5", "15", "--sample-ms", "20")]
    timed = "overhead" not in given and "--shape" not in given
    sizes = ("--shape", "2,1,3,256", "--shape", "3,1,1,128") if timed else ()
    result = CliRunner(env={"RNNSWAP_IMPL": impl}).invoke(main, ["bench", *quick, *sizes, *given])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_part_is_measured_judged_and_written(speed, monkeypatch):
    monkeypatch.setattr(speed, "SWEPT", (1, 7))
    monkeypatch.setattr(speed, "LENGTHS", (2, 4))
    shapes = ("2,1,3,256", "3,1,1,128")
    monkeypatch.setattr(speed, "LAID_OUT", shapes)
    monkeypatch.setattr(speed, "by_shape", functools.partial(speed.by_shape, shapes=shapes))
    measure = {name: part for name, part in speed.PARTS.items() if name != "memory"}
    monkeypatch.setattr(speed, "bench", tiny)
    measure["shapes"] = tiny
    measured = {name: part([]) for name, part in measure.items()}
    for name, found in measured.items():
        lines = list(speed.VERDICTS[name](found))
        assert lines
        assert {line[:9] for line in lines} <= {"reached  ", "MISSED   ", " " * 9}
    assert len(measured["sweep"]["entries"]) == 8 * 2 * 3
    for language in speed.words().values():
        text = speed.section(measured, language)
        assert "3, 1, 1, 128" in text
        assert text.count("\n- ") == 7


def entry(cell, shape, mode, median, ratio, packed=False):
    return {
        "cell": cell,
        "shape": shape,
        "mode": mode,
        "median": median,
        "ratio": ratio,
        "packed": packed,
    }


def test_ratios_and_products_are_held_against_their_bounds(verdicts):
    summary = [{"cell": "janet", "mode": "training", "geometric_mean": 3.2, "minimum": 1.9}]
    lines = list(verdicts["shapes"]({"summary": summary, "entries": []}))
    assert lines == [
        "reached  janet training, geometric mean: 3.2 (at least 3)",
        "MISSED   janet training, least: 1.9 (at least 2)",
    ]
    rows = [
        {"cell": "janet", "mode": "forward", "shape": f"9,9,9,{hidden}", "ratio": 1.3}
        for hidden in (128, 256)
    ]
    free, bound = verdicts["limit"]({"limits": rows})
    assert free.startswith("         janet forward at 9,9,9,128")
    assert bound.startswith("MISSED   janet forward at 9,9,9,256")
    assert bound.endswith("1.3 (at most 1.2)")


def test_packed_and_layouts_are_held_against_their_plain_forms(verdicts):
    both = [
        entry("janet", "9,9,9,9", "forward", time, 1, packed)
        for time, packed in ((2.0, False), (1.5, True))
    ]
    (line,) = verdicts["packed"]({"entries": both})
    assert line == "reached  janet forward, packed over padded, most (at 9,9,9,9): 0.75 (at most 1)"
    plain, other = ([entry("janet", "9,9,9,9", "forward", 1, r)] for r in (2.0, 1.6))
    (line,) = verdicts["layouts"]({"machine": {}, "plain": plain, "two layers": other})
    assert line.startswith("MISSED   two layers, janet forward, ratio over the plain layer's")
    assert line.endswith("0.8 (at least 0.85)")


def test_slope_of_time_that_grows_with_the_square_is_two(verdicts):
    found = {"entries": [entry("janet", f"{t},1,1,1", "forward", t**2, 1) for t in (10, 30, 100)]}
    (line,) = verdicts["length"](found)
    assert line.endswith("slope of log time over log T: 2.000")


def test_sweep_lists_every_entry_behind_and_the_worst(verdicts):
    ratios = [0.9, 0.96, *range(2, 14)]
    entries = [entry("janet", f"{i + 1},1,1,1", "training", 1, r) for i, r in enumerate(ratios)]
    verdict, *listed = verdicts["sweep"]({"entries": [*entries, entry("nn.LSTM", "", "", 1, 1)]})
    assert verdict == "MISSED   entries of 14 below 0.95 of nn.LSTM: 1 (at most 0)"
    assert len(listed) == 10
    assert listed[0].split() == ["0.900", "janet", "training", "at", "1,1,1,1"]


def test_what_is_kept_reads_as_what_was_measured(speed, monkeypatch, tmp_path):
    monkeypatch.setattr(speed, "KEPT", tmp_path)
    found = {"machine": {"cpu": "x"}, "entries": [{"a": [1.5, 2]}, {"b": "é"}], "none": []}
    speed.store("part", found)
    assert speed.load("part") == found
    assert speed.load("another") is None
    assert len((tmp_path / "part.json").read_text("utf-8").splitlines()) == 8
