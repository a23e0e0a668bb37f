"""`rnnswap bench --attention` as typed. Nothing is timed here."""

import json
from statistics import median

import pytest
from click.testing import CliRunner

from rnnswap.bench.plan import ATTENTION_SHAPES
from rnnswap.cli import main


def run(*arguments):
    quick = ("--sample-ms", "0", "--repeats", "3", "--threads", "1")
    return CliRunner().invoke(main, ["bench", "--attention", *quick, *arguments])


def test_multihead_is_measured_beside_torchs_with_and_without_weights():
    result = run("--json", "--shape", "3,2,8,2", "--shape", "2,1,6,3")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    keys = [(p["shape"], p["mode"], p["need_weights"]) for p in found["pairs"]]
    assert keys == [
        (shape, mode, need_weights)
        for shape in ("3,2,8,2", "2,1,6,3")
        for mode in ("forward", "training")
        for need_weights in (False, True)
    ]
    for pair in found["pairs"]:
        ratio = median(pair["multihead"]) / median(pair["nn.MultiheadAttention"])
        assert pair["ratio"] == pytest.approx(ratio, abs=1e-3)
    assert found["machine"]["threads"] == 1


def test_table_shows_times_ratios_and_the_machine():
    result = run("--shape", "3,2,8,2", "--shape", "2,1,6,3", "--mode", "forward")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    title = "forward, inference mode, need_weights=False: ms, time / nn.MultiheadAttention's"
    assert lines[0] == title
    assert lines[1].split() == ["T,B,E,heads", "nn.MultiheadAttention", "multihead", "ratio"]
    assert lines[2].split()[0] == "3,2,8,2"
    assert [line.split()[0] for line in lines if line.startswith(("median", "largest"))] == [
        "median",
        "largest",
    ] * 2
    assert "training" not in result.stdout
    assert lines[-2] == "float32, query = key = value, medians of 3 interleaved samples"
    assert lines[-1].startswith("their middle half spreads over ")
    assert result.stderr.splitlines() == ["3,2,8,2 forward", "2,1,6,3 forward"]


def test_six_shapes_are_measured_by_default():
    assert len(set(ATTENTION_SHAPES)) == 6
    assert all(shape.inputs % shape.hidden == 0 for shape in ATTENTION_SHAPES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cell", "janet"], "--cell is about cells and has no meaning with --attention"),
        (["--packed"], "--packed is about cells and has no meaning with --attention"),
        (["--measure", "memory"], "--measure is about cells"),
        (["--shape", "3,2,8,3"], "shape 3,2,8,3 is T,B,E,heads with --attention: 3 heads do not"),
        (["--device", "abacus"], "device 'abacus' is not cpu, cuda or cuda:N"),
    ],
)
def test_what_has_no_meaning_is_refused(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
