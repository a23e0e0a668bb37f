"""`rnnswap bench` as typed: tables, JSON, and one sentence for bad input. Nothing is timed here."""

import json

import pytest
import torch
from click.testing import CliRunner

from rnnswap.cli import main
from rnnswap.discovery import installed
from rnnswap.spec import CellSpec


def run(*arguments):
    quick = ("--sample-ms", "0", "--repeats", "1", "--threads", "1")
    return CliRunner().invoke(main, ["bench", *quick, *arguments])


def measured(*arguments):
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_shipped_cells_are_measured_beside_lstm_in_every_mode():
    found = measured("--shape", "3,2,4,5", "--shape", "2,1,1,6", "--repeats", "2")
    shipped = ["indrnn", "indrnn-v2", "janet"]
    assert found["plan"]["cells"] == shipped
    keys = [(e["cell"], e["shape"], e["mode"], e["packed"]) for e in found["entries"]]
    assert keys == [
        (cell, shape, mode, False)
        for shape in ("3,2,4,5", "2,1,1,6")
        for mode in ("forward", "training", "training-dx")
        for cell in ("nn.LSTM", *shipped)
    ]
    for entry in found["entries"]:
        assert len(entry["samples"]) == 2
        assert min(entry["samples"]) <= entry["median"] <= max(entry["samples"])
    assert {"cpu", "cores", "threads", "python", "torch", "rnnswap"} <= set(found["machine"])


def test_ratio_is_the_references_time_over_the_cells():
    found = measured("--cell", "janet", "--shape", "3,2,4,5", "--shape", "9,2,4,5")
    by = {(e["cell"], e["shape"], e["mode"]): e for e in found["entries"]}
    for (_, shape, mode), entry in by.items():
        expected = by["nn.LSTM", shape, mode]["median"] / entry["median"]
        assert entry["ratio"] == pytest.approx(expected, rel=1e-3)
    for row in found["summary"]:
        a, b = (by["janet", s, row["mode"]]["ratio"] for s in ("3,2,4,5", "9,2,4,5"))
        assert row["geometric_mean"] == pytest.approx((a * b) ** 0.5, rel=1e-3)
        assert row["minimum"] == min(a, b)


def test_table_shows_times_ratios_and_what_served(monkeypatch):
    monkeypatch.setenv("RNNSWAP_IMPL", "manual")
    result = run("--cell", "janet", "--shape", "3,2,4,5", "--mode", "forward", "--packed")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "forward, eval and inference mode: ms, times as fast as nn.LSTM"
    assert lines[1].split() == ["T,B,I,H", "nn.LSTM", "janet"]
    shape, *numbers = lines[2].split()
    assert shape == "3,2,4,5"
    assert len(numbers) == 3
    assert numbers[2].endswith("x")
    assert "forward, eval and inference mode, packed input: ms" in result.stdout
    assert "time with packed input / time with padded input" in result.stdout
    served = "janet: manual (PyTorch, backward written by hand): not cpu: RNNSWAP_IMPL=manual"
    assert f"{served}. not gpu: RNNSWAP_IMPL=manual" in lines
    assert f"torch {torch.__version__}" in result.stdout
    assert result.stderr.splitlines() == ["3,2,4,5 forward"]


def test_layer_options_reach_every_layer_and_cell_options_the_cell():
    layers = ("--layers", "2", "--bidirectional", "--proj-size", "2", "--dtype", "float64")
    found = measured("--cell", "janet", "--cell-arg", "beta=2", "--shape", "3,2,4,5", *layers)
    assert found["plan"]["options"] == {"beta": 2.0}
    assert [found["plan"][k] for k in ("layers", "bidirectional", "proj_size")] == [2, True, 2]
    assert found["entries"][1]["implementation"] in ("cpu", "manual")


def test_a_cell_without_a_faster_form_says_so():
    found = measured("--cell", "janet", "--cell-arg", "zoneout=0.1", "--shape", "3,2,4,5")
    assert {e["implementation"] for e in found["entries"] if e["cell"] == "janet"} == {"step"}


def test_threads_are_set_for_the_run_alone():
    before = torch.get_num_threads()
    found = measured("--threads", "1", "--cell", "janet", "--shape", "1,1,1,1")
    assert found["machine"]["threads"] == 1
    assert torch.get_num_threads() == before


@pytest.fixture
def register(monkeypatch):
    """Register a cell for this test alone."""

    def add(name, target):
        cells = installed().cells
        entry = cells.get("janet")
        spec = CellSpec(name=name, target=target)
        monkeypatch.setitem(cells._entries, name, type(entry)(name, spec, entry.provider))

    return add


def test_a_cell_that_cannot_be_loaded_is_named_and_the_others_go_on(register):
    register("broken", "no_such_module_anywhere:Broken")
    result = run("--cell", "broken", "--cell", "indrnn", "--shape", "2,1,1,1", "--mode", "forward")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[2].split()[2] == "failed"
    assert (
        "broken at 2,1,1,1, construction: 'broken' of rnnswap 0.1.0: "
        "target 'no_such_module_anywhere:Broken' cannot be loaded"
    ) in result.stdout


ODD = """
import warnings

from torch import nn


class Odd(nn.Module):
    def __init__(self, inputs, hidden, **kwargs):
        super().__init__()

    def forward(self, x):
        warnings.warn("[odd] indeed", stacklevel=1)
        return x, (x, x)  # nothing to train: backward needs an input with a gradient
"""


@pytest.mark.filterwarnings("default:.odd. indeed")
def test_a_strangers_class_is_measured_as_far_as_it_goes(register, tmp_path, monkeypatch):
    (tmp_path / "odd_cell.py").write_text(ODD)
    monkeypatch.syspath_prepend(str(tmp_path))
    register("odd", "odd_cell:Odd")
    measures = ("--measure", "limit", "--measure", "overhead", "--json")
    result = run("--cell", "odd", "--shape", "2,1,1,1", *measures)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [e["mode"] for e in found["entries"] if e["cell"] == "odd"] == [
        "forward",
        "training-dx",
    ]
    failures = {(f["cell"], f["mode"]): f["reason"] for f in found["failures"]}
    assert "does not require grad" in failures["odd", "training"]
    assert "weight_ih_l0" in failures["odd", "limit, forward"]
    lines = result.stderr.splitlines()
    assert "warning: [odd] indeed" in lines
    assert {
        f"{f['cell']} at {f['shape']}, {f['mode']}: {f['reason']}" for f in found["failures"]
    } < ({*lines})
    # Once, however often it was given.
    assert result.stderr.count("indeed") == 1
    assert [o["operation"] for o in found["overheads"]] == [None] * 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--shape", "3,4,5"], "shape '3,4,5' is not T,B,I,H, four positive integers"),
        (["--shape", "3,4,5,0"], "shape '3,4,5,0' is not T,B,I,H"),
        (["--shape", "-1,4,5,6"], "shape '-1,4,5,6' is not T,B,I,H"),
        (["--shape", "1_0,4,5,6"], "shape '1_0,4,5,6' is not T,B,I,H"),
        (["--shape", "1,1,1,4", "--proj-size", "4"], "must be less than H = 4"),
        (["--cell", "jannet"], "did you mean 'janet'?"),
        (["--shape", "9" * 5000 + ",1,1,1"], "is not T,B,I,H"),
        (["--threads", "0"], "0 is not in the range 1<=x<=1024"),
        (["--sample-ms", "nan"], "a sample lasts 0 to 60000 ms, got nan"),
        (["--sample-ms", "inf"], "a sample lasts 0 to 60000 ms, got inf"),
        (["--measure", "memory", "--packed"], "packed input is measured for time alone"),
        (["--measure", "memory", "--mode", "forward"], "--mode is for times"),
        (["--measure", "overhead", "--shape", "1,1,1,1"], "--shape has no meaning"),
        (["--device", "cpu:7"], "device 'cpu:7' is not cpu, cuda or cuda:N"),
        (["--device", "tpu9"], "device 'tpu9' is not cpu, cuda or cuda:N"),
        (["--device", "cuda:99"], "there is no device 'cuda:99'"),
        (["--cell-arg", "beta=1"], "--cell-arg needs exactly one --cell"),
        (["--shape", "100000,100000,1,100000"], "GiB of memory, this machine has"),
        (["--measure", "limit", "--layers", "2"], "the limit is known for padded input and plain"),
        (["--mode", "backward"], "'backward' is not one of 'forward', 'training'"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence):
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_limit_names_the_products_of_each_cell_and_mode():
    cells = ("--cell", "janet", "--cell", "indrnn")
    found = measured(*cells, "--shape", "4,3,2,5", "--measure", "limit")
    entries = {(e["cell"], e["mode"]): e for e in found["entries"]}
    parts = {(x["cell"], x["mode"]): set(x["parts"]) for x in found["limits"]}
    steps, weights = {"x W", "h U"}, {"d U", "dU", "dW"}
    assert parts == {
        ("janet", "forward"): steps,
        ("janet", "training"): steps | weights,
        ("janet", "training-dx"): steps | weights | {"dx"},
        ("indrnn", "forward"): {"x W", "copy"},
        ("indrnn", "training"): {"x W", "copy", "dW"},
        ("indrnn", "training-dx"): {"x W", "copy", "dW", "dx"},
    }
    for limit in found["limits"]:
        time = entries[limit["cell"], limit["mode"]]["median"]
        assert limit["ratio"] == pytest.approx(time / sum(limit["parts"].values()), rel=1e-3)
        words = {"forward": 2, "training": 5, "training-dx": 5}[limit["mode"]]
        assert limit["moved"] == (words * 4 * 3 * 5 * 4 if limit["cell"] == "indrnn" else 0)


def test_memory_of_a_training_step_grows_with_what_must_be_kept():
    result = run("--cell", "indrnn", "--shape", "400,32,1,64", "--measure", "memory")
    assert result.exit_code == 0
    title, names, row, *_ = result.stdout.splitlines()
    assert title.startswith("peak memory of a training step: MiB over what was held before")
    assert names.split() == ["T,B,I,H", "nn.LSTM", "indrnn"]
    shape, lstm, indrnn, share = row.split()
    assert shape == "400,32,1,64"
    state = 400 * 32 * 64 * 4 / 2**20
    # nn.LSTM keeps four gates and two states, IndRNN one state; backward makes another.
    assert 5 * state < float(lstm) < 16 * state
    assert state < float(indrnn) < float(lstm)
    assert float(share) == pytest.approx(float(indrnn) / float(lstm), abs=0.01)


def test_overhead_is_what_the_operation_adds_to_linear():
    found = measured("--cell", "janet", "--measure", "overhead")["overheads"]
    assert [(o["cell"], o["recorded"]) for o in found] == [
        ("nn.LSTM", False),
        ("janet", False),
        ("nn.LSTM", True),
        ("janet", True),
    ]
    for cost in found:
        if cost["cell"] == "janet":
            assert cost["own"] == pytest.approx(cost["operation"] - cost["projection"])
        else:
            assert cost["own"] is None


def test_several_measures_are_shown_in_tables():
    measures = ("--measure", "limit", "--measure", "overhead")
    result = run("--cell", "indrnn", "--shape", "2,1,1,3", "--mode", "training", *measures)
    assert result.exit_code == 0
    for title in (
        "indrnn, training-dx: ms of the parts, time / their sum",
        "overhead of a call, in microseconds",
    ):
        assert title in result.stdout
