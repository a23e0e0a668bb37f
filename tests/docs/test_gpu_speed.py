"""The script for owners of a GPU: what it asks for, keeps and says. Without one, on the CPU."""

import json
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def gpu_speed(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import gpu_speed

    return gpu_speed


def test_a_small_grid_is_measured_and_kept(gpu_speed, monkeypatch, tmp_path, capsys):
    import speed

    monkeypatch.setattr(speed, "KEPT", tmp_path)
    monkeypatch.setattr(gpu_speed, "MODES", ("forward",))
    plain = gpu_speed.measure
    quick = ("--repeats", "1", "--sample-ms", "0", "--threads", "1")
    monkeypatch.setattr(gpu_speed, "measure", lambda *given: plain(*given, *quick))
    grid = ["--steps", "3", "--batch", "2", "--hidden", "4", "--dtype", "float32", "--packed"]
    monkeypatch.setattr("sys.argv", ["gpu_speed.py", *grid, "--device", "cpu"])
    gpu_speed.main()
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert [(e["cell"], e["packed"]) for e in found["entries"]] == [
        (cell, packed) for cell in ("nn.LSTM", "janet", "indrnn") for packed in (False, True)
    ]
    assert {"cpu", "torch"} <= {*found["machine"]}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3  # JANET, and both with packed input
    assert all("float32 forward" in line and "at 3,2,4,4, by " in line for line in lines)


def test_without_a_gpu_it_says_so_and_keeps_nothing(gpu_speed, monkeypatch, tmp_path, capfd):
    import speed

    monkeypatch.setattr(speed, "KEPT", tmp_path)
    monkeypatch.setattr("sys.argv", ["gpu_speed.py", "--device", "cuda:99"])
    with pytest.raises(RuntimeError, match="exit code 2"):
        gpu_speed.main()
    assert "there is no device 'cuda:99'" in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def entry(cell, shape, mode="training", packed=False, ratio=7.0):
    where = {"cell": cell, "shape": shape, "mode": mode, "packed": packed, "dtype": "bfloat16"}
    return where | {"ratio": ratio, "implementation": "gpu"}


def test_figures_are_held_against_their_bounds(gpu_speed):
    bounds = {
        ("indrnn", "1024,16,1024,1024", "training", False): 10,
        ("indrnn", "1024,64,1024,1024", "training", False): 5,
        ("indrnn", "512,64,1024,1024", "training", False): None,
        ("indrnn", "4096,1,128,128", "forward", False): None,
        ("janet", "128,16,128,128", "forward", False): 1,
        ("janet", "128,64,128,128", "training", False): 1.5,
        ("janet", "128,64,128,128", "training", True): 5,
        ("nn.LSTM", "1024,64,128,128", "training", False): None,
    }
    for given, expected in bounds.items():
        assert gpu_speed.bound(entry(*given)) == expected
    failure = {"cell": "janet", "shape": "9,9,9,9", "reason": "there is not enough memory"}
    found = {
        "entries": [entry("indrnn", "1024,16,128,128"), entry("indrnn", "1024,256,128,128")],
        "failures": [failure],
    }
    assert list(gpu_speed.verdicts(found)) == [
        "MISSED   indrnn bfloat16 training at 1024,16,128,128, by gpu: 7.00 (at least 10)",
        "reached  indrnn bfloat16 training at 1024,256,128,128, by gpu: 7.00 (at least 5)",
        "FAILED   janet at 9,9,9,9: there is not enough memory",
    ]


def test_no_gpu_figure_is_kept_while_the_readme_says_that_there_is_none():
    said = "figure has been measured" in (DOCS.parent / "README.md").read_text("utf-8")
    assert said != (DOCS / "benchmarks" / "gpu.json").exists()
