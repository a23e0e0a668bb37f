"""`rnnswap report` as typed, and `rnnswap train --report`."""

import json
import re
import signal
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner
from recorded import run_folder

from rnnswap.cli import main

TRAINING = """
import os, signal, torch
weight = torch.nn.Parameter(torch.ones(4))
optimizer = torch.optim.SGD([weight], lr=0.1)
os.chdir("/")
for step in range(12):
    optimizer.zero_grad()
    (weight ** 2).sum().backward()
    optimizer.step()
"""


@pytest.fixture
def rnnswap(tmp_path, monkeypatch):
    """Run the command inside this process, in a folder of its own; return code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rnnswap", "train", "fit.py"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def run(*args):
        result = CliRunner().invoke(main, args)
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def trained(rnnswap, tmp_path, monkeypatch):
    """Train a script with a report; return what `rnnswap` returns."""

    def run(*args, script=TRAINING, folder="runs/one"):
        monkeypatch.chdir(tmp_path)  # the script leaves it
        (tmp_path / "fit.py").write_text(textwrap.dedent(script))
        return rnnswap("train", *args, "--report", folder, "fit.py")

    return run


def test_train_writes_a_step_a_line_a_summary_and_a_page(trained, tmp_path):
    code, out, err = trained("--clip", "norm:1.0", "--seed", "3")
    assert (code, out) == (0, "")
    assert "  report         runs/one/report.html\n" in err
    folder = tmp_path / "runs" / "one"
    assert {p.name for p in folder.iterdir()} == {"metrics.jsonl", "summary.json", "report.html"}
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [*range(1, 13)]
    assert rows[0]["loss"] == 4.0
    assert (rows[0]["norm_before"], rows[0]["norm_after"]) == (4.0, pytest.approx(1.0))
    assert [row["step"] for row in rows if "layers" in row] == [1, 11]
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["state"], summary["exit_code"], summary["seed"]) == ("ended", 0, 3)
    assert summary["command"] == "rnnswap train fit.py"
    assert summary["totals"]["steps"] == summary["totals"]["clipped_steps"] == 12
    assert "norm:1.0" in (folder / "report.html").read_text()


def test_folder_of_a_run_is_not_used_again(trained, tmp_path):
    assert trained()[0] == 0
    before = (tmp_path / "runs/one/metrics.jsonl").read_bytes()
    code, out, err = trained(script="print('ran')")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        "Error: report folder 'runs/one' holds a run already (metrics.jsonl); name another, "
        "or delete it"
    )
    assert (tmp_path / "runs/one/metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("script", "expected"),
    [("1 / 0", 1), ("import sys; sys.exit(7)", 7), ("pass", 3), ("raise KeyboardInterrupt", 130)],
)
def test_failing_run_is_reported_with_its_code(trained, tmp_path, script, expected):
    code, _, err = trained(script=script)
    assert code == expected
    assert "report         runs/one/report.html" in err
    summary = json.loads((tmp_path / "runs/one/summary.json").read_text())
    assert summary["exit_code"] == (0 if expected == 3 else expected)
    if expected == 3:
        assert summary["notes"] == ["nothing was trained: the script made no optimizer step"]


def test_folder_that_the_script_takes_away_costs_the_report_alone(trained):
    end = "import shutil; shutil.rmtree(FOLDER)"
    code, _, err = trained(script=f"import os; FOLDER = os.path.abspath('runs'){TRAINING}{end}\n")
    assert code == 0
    assert "steps          12 in" in err
    assert "the report could not be written: " in err


def test_report_is_made_anew_and_prints_where(rnnswap, tmp_path):
    folder = run_folder(tmp_path / "run")
    assert rnnswap("report", "run") == (0, "run/report.html\n", "")
    assert "Loss" in (folder / "report.html").read_text()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write("no step\n")
    code, out, err = rnnswap("report", "run", "-o", "new.html")
    assert (code, out) == (0, "new.html\n")
    assert err == "run: 1 of 31 lines of metrics.jsonl are no steps, the first is line 31\n"
    assert "1 of 31 lines" in (tmp_path / "new.html").read_text()


def test_several_runs_make_one_page_here(rnnswap, tmp_path):
    for name in ("a/run", "b/run"):
        run_folder(tmp_path / name)
    assert rnnswap("report", "a/run", "b/run") == (0, "report.html\n", "")
    text = (tmp_path / "report.html").read_text()
    assert re.findall(r"<td><span[^>]*></span>(.*?)</td>", text) == ["a/run", "b/run"]
    assert rnnswap("report", "a/run", "b/run")[0] == 0
    assert not (tmp_path / "a/run/report.html").exists()


def test_page_of_somebody_else_is_left(rnnswap, tmp_path):
    run_folder(tmp_path / "run")
    (tmp_path / "run" / "report.html").write_text("mine")
    code, out, err = rnnswap("report", "run")
    assert (code, out) == (2, "")
    assert "'run/report.html' was not made by rnnswap and is left as it is; name another" in err
    assert (tmp_path / "run" / "report.html").read_text() == "mine"
    assert rnnswap("report", "run", "-o", "run/report.html")[0] == 0


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nowhere"], "'nowhere' is not the folder of a run: metrics.jsonl: no such file"),
        ([], "Missing argument 'DIR...'"),
        (["run", "run/"], "'run/' is given twice"),
        (["run", "-o", "no/page.html"], "no/page.html: cannot be written: no such file"),
        (["run", "-o", "run"], "run: is a folder"),
    ],
)
def test_misuse_exits_2_with_a_sentence(rnnswap, tmp_path, args, sentence):
    run_folder(tmp_path / "run")
    code, out, err = rnnswap("report", *args)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_first_process_of_torchrun_alone_reports(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert trained() == (0, "", "")
    assert not (tmp_path / "runs").exists()
    monkeypatch.setenv("RANK", "0")
    assert "rnnswap train" in trained()[2]
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert "report         runs/one/restart-1/report.html" in trained()[2]


@pytest.mark.slow
def test_killed_run_leaves_what_was_recorded(tmp_path):
    """By os._exit, which nothing can answer: the page is then made from the folder."""
    script = TRAINING.replace("range(12)", "range(1000)") + "os._exit(9)\n"
    (tmp_path / "fit.py").write_text(script)
    command = [sys.executable, "-m", "rnnswap", "train", "--report", "run", "fit.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (9, "", "")
    made = CliRunner().invoke(main, ["report", str(tmp_path / "run")])
    assert made.exit_code == 0
    text = (tmp_path / "run" / "report.html").read_text()
    assert "was killed" in text
    (steps,) = re.findall(r"<dt>steps</dt><dd>([\d,]+) in", text)
    assert int(steps.replace(",", "")) > 1000 - 256  # written at each 256th, or after two seconds


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("name", "code", "made"),
    [("SIGINT", -signal.SIGINT, True), ("SIGTERM", -signal.SIGTERM, False)],
)
def test_signal_ends_the_run_as_python_and_leaves_what_was_recorded(tmp_path, name, code, made):
    """SIGTERM kills python without another word; the page can be made then."""
    text = TRAINING.replace("range(12)", "range(300)")
    (tmp_path / "fit.py").write_text(f"{text}signal.raise_signal(signal.{name})\n")
    command = [sys.executable, "-m", "rnnswap", "train", "--report", "run", "fit.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == code
    assert ("KeyboardInterrupt\nrnnswap train fit.py\n" in done.stderr) == made
    assert (tmp_path / "run" / "report.html").exists() == made
    assert CliRunner().invoke(main, ["report", str(tmp_path / "run")]).exit_code == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert ("was killed" in page) == (not made)
    (steps,) = re.findall(r"<dt>steps</dt><dd>([\d,]+) in", page)
    assert int(steps) > (299 if made else 300 - 256)  # as above


@pytest.mark.slow
def test_disk_without_room_costs_the_report_and_not_the_run(tmp_path):
    text = TRAINING.replace("range(12)", "range(300)")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
    (tmp_path / "fit.py").write_text(f"{limit}{text}")
    command = [sys.executable, "-m", "rnnswap", "train", "--report", "run", "fit.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0
    assert "steps          300 in" in done.stderr
    assert "metrics.jsonl: file too large" in done.stderr
    assert "report.html: cannot be written: file too large" in done.stderr
    assert not (tmp_path / "run" / "report.html").exists()
