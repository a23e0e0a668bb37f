"""The example scripts, run as a reader runs them: plain, under `train`, and after `patch`."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).resolve().parents[2] / "docs"
DIGITS = DOCS / "examples" / "LSTMModel.py"
ADDING = DOCS / "examples" / "adding.py"
# Four epochs are a tenth of the default; guessing would be right in a tenth of the images.
SHORT_DIGITS = ("--epochs", "4")
# Learned in seconds; always answering 1 has an error of 0.167 at every length.
SHORT_ADDING = ("--length", "6", "--steps", "300")


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run python with the arguments in a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def digits_accuracy(stdout: str) -> float:
    found = re.fullmatch(r"test accuracy: (\d\.\d{4})", stdout.splitlines()[-1])
    assert found, stdout
    return float(found[1])


def adding_errors(stdout: str) -> tuple[float, float]:
    last = stdout.splitlines()[-1]
    found = re.fullmatch(r"test mse: (\d\.\d{4}) \(always answering 1: (\d\.\d{4})\)", last)
    assert found, stdout
    return float(found[1]), float(found[2])


def printed(
    script: Path, args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> str:
    """Run the script in this process, which has torch loaded already; return its stdout."""
    monkeypatch.setattr(sys, "argv", [str(script), *args])
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    return capsys.readouterr().out


@pytest.fixture
def accuracy_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_accuracy", DOCS / "accuracy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# seq2seq.py is the one that shows rnnswap's own API.
@pytest.mark.parametrize(
    "script",
    sorted(set((DOCS / "examples").glob("*.py")) - {DOCS / "examples" / "seq2seq.py"}),
    ids=lambda p: p.name,
)
def test_example_is_plain_pytorch_with_nn_lstm(script):
    text = script.read_text(encoding="utf-8")
    assert "nn.LSTM(" in text
    assert "rnnswap" not in text.lower()


@pytest.mark.slow
def test_digits_plain_learns_without_a_warning(tmp_path):
    done = run(tmp_path, DIGITS, *SHORT_DIGITS)
    assert (done.returncode, done.stderr) == (0, "")
    assert 0.8 < digits_accuracy(done.stdout) <= 1.0


@pytest.mark.slow
def test_adding_plain_learns_without_a_warning(tmp_path):
    done = run(tmp_path, ADDING, *SHORT_ADDING)
    assert (done.returncode, done.stderr) == (0, "")
    model_mse, one_mse = adding_errors(done.stdout)
    assert one_mse == pytest.approx(1 / 6, abs=0.015)
    assert model_mse < one_mse / 2


def test_adding_of_one_step_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="2"):
        printed(ADDING, ["--length", "1"], monkeypatch, capsys)
    assert "--length must be at least 2 for two marks, got 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "args"),
    [(DIGITS, ["--epochs", "1", "--hidden", "8"]), (ADDING, ["--length", "4", "--steps", "5"])],
    ids=["digits", "adding"],
)
def test_seed_decides_what_is_printed(script, args, monkeypatch, capsys):
    first, again, other = (
        printed(script, [*args, "--seed", seed], monkeypatch, capsys) for seed in "001"
    )
    assert first == again
    assert first != other


@pytest.mark.slow
def test_digits_under_train_learns_with_janet(tmp_path):
    command = ("-m", "rnnswap", "train", "--cell", "janet", "--clip", "norm:1.0")
    done = run(tmp_path, *command, DIGITS, *SHORT_DIGITS)
    assert done.returncode == 0, done.stderr
    assert "janet, 1 layer swapped" in done.stderr
    assert digits_accuracy(done.stdout) > 0.8


@pytest.mark.slow
def test_adding_under_train_learns_with_janet(tmp_path):
    command = ("-m", "rnnswap", "train", "--cell", "janet", "--clip", "norm:1.0")
    done = run(tmp_path, *command, ADDING, *SHORT_ADDING)
    assert done.returncode == 0, done.stderr
    assert "janet, 1 layer swapped" in done.stderr
    model_mse, one_mse = adding_errors(done.stdout)
    assert model_mse < one_mse / 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "args"),
    [(DIGITS, ("--epochs", "1")), (ADDING, ("--length", "4", "--steps", "20"))],
    ids=["digits", "adding"],
)
def test_patched_copy_prints_what_train_prints(script, args, tmp_path):
    copy = Path(shutil.copy(script, tmp_path))
    patched = run(tmp_path, "-m", "rnnswap", "patch", "--cell", "janet", copy.name)
    assert patched.returncode == 0, patched.stderr
    text = copy.read_text(encoding="utf-8")
    assert "nn.LSTM(" not in text
    assert "JANET(" in text

    by_patch = run(tmp_path, copy.name, *args)
    by_train = run(tmp_path, "-m", "rnnswap", "train", "--cell", "janet", script, *args)
    assert (by_patch.returncode, by_patch.stderr) == (0, "")
    assert by_train.returncode == 0, by_train.stderr
    assert by_patch.stdout == by_train.stdout


def test_accuracy_table_has_a_row_a_cell_and_the_mean(accuracy_script):
    assert accuracy_script.table({"lstm": [0.98, 0.97, 0.99], "janet": [1.0, 0.5, 0.75]}) == (
        "| cell | seed 0 | seed 1 | seed 2 | mean |\n"
        "|---|---:|---:|---:|---:|\n"
        "| lstm | 98.00 % | 97.00 % | 99.00 % | 98.00 % |\n"
        "| janet | 100.00 % | 50.00 % | 75.00 % | 75.00 % |"
    )


@pytest.mark.slow
def test_accuracy_of_a_failing_run_is_an_error_with_its_stderr(
    accuracy_script, tmp_path, monkeypatch
):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('the disk is full')\n", encoding="utf-8")
    monkeypatch.setattr(accuracy_script, "SCRIPT", broken)
    with pytest.raises(RuntimeError, match=r"(?s)'lstm' and seed 1 exited 1 .*the disk is full"):
        accuracy_script.accuracy("lstm", 1)
