"""Child processes are swapped, clipped and recorded, and the process is as before afterwards."""

import json
import multiprocessing.context
import multiprocessing.spawn
import os
import re
import subprocess
import sys

import pytest

from rnnswap.training.process.children import Children
from rnnswap.training.process.own_modules import OwnModules
from rnnswap.training.process.setup import Setup
from rnnswap.training.settings import Settings

SCRIPT = """
import multiprocessing, os, subprocess, sys, torch
from torch.utils.data import DataLoader

def work(count):
    layer = torch.nn.LSTM(2, 3)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(count):
        optimizer.zero_grad()
        layer(torch.ones(4, 1, 2))[0].sum().backward()
        optimizer.step()
    norm = torch.nn.utils.get_total_norm([p.grad for p in layer.parameters()])
    print(type(layer).__name__, bool(norm <= 0.0101), flush=True)

if __name__ == "__main__":
    for method, count in [("spawn", 3), ("fork", 5)]:
        child = multiprocessing.get_context(method).Process(target=work, args=(count,))
        child.start()
        child.join()
        assert child.exitcode == 0
    if not os.fork():
        work(7)
        sys.exit()
    os.wait()
    loader = DataLoader(torch.arange(2.0), num_workers=1, multiprocessing_context="fork")
    print(len([*loader]), flush=True)
    subprocess.run([sys.executable, "-c", "import torch; print(torch.nn.LSTM(2, 3))"], check=True)
"""


@pytest.mark.slow
def test_children_of_a_script_are_reached_however_they_start(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    command = [sys.executable, "-m", "rnnswap", "train", "--cell", "janet", "--clip", "norm:0.01"]
    done = subprocess.run(
        [*command, "--report", "run", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "JANET True\n" * 3 + "2\nLSTM(2, 3)\n"
    assert "cell           janet, 3 layers swapped\n" in done.stderr
    assert "script.py:6  LSTM(2, 3) -> JANET(2, 3)" in done.stderr
    assert "children       3 processes made 15 steps, norm:0.01 acted in 15 (100.0%)" in done.stderr
    assert "1 child process was started by a Python command: it runs without swap" in done.stderr
    assert "spawned" not in done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert sorted(child["steps"] for child in summary["children"]) == [3, 5, 7]
    assert len(summary["swapped"]) == 3
    text = (tmp_path / "run" / "report.html").read_text()
    assert len(re.findall(r"<td>.*?run, child \d</td>", text)) == 3
    assert not [*tmp_path.glob("run/children/begun-*")]


@pytest.fixture
def setup():
    with Setup(Settings(), OwnModules(None)) as setup:
        yield setup


def test_child_without_what_it_needs_runs_and_is_counted(setup, tmp_path, monkeypatch):
    """The child cannot make out what it is told: it goes on as multiprocessing made it."""
    monkeypatch.setattr("pickle.dumps", lambda thing: b"nonsense")
    with Children(setup, Settings(), tmp_path / "folder") as children:
        child = multiprocessing.get_context("spawn").Process(target=abs, args=(1,))
        child.start()
        child.join()
        with pytest.raises((AttributeError, TypeError)):
            multiprocessing.get_context("spawn").Process(target=lambda: None).start()
    assert child.exitcode == 0
    assert children.unreached() == [
        "1 child process was spawned: it runs without swap and clipping"
    ]
    assert children.collect() == []


def test_everything_is_as_before_afterwards(setup, tmp_path):
    def replaced():
        classes = (multiprocessing.context.SpawnProcess, multiprocessing.context.ForkServerProcess)
        start = multiprocessing.spawn.get_preparation_data
        started = [getattr(os, name) for name in ("execv", "execve", "posix_spawn", "system")]
        popen = [c.__dict__["_Popen"] for c in classes]
        return [start, subprocess.Popen.__init__, *started, *popen]

    before = replaced()
    with Children(setup, Settings(), tmp_path / "folder") as children:
        assert all(now is not then for now, then in zip(replaced(), before, strict=True))
    assert replaced() == before
    assert children.unreached() == children.collect() == []
    assert not (tmp_path / "folder").exists()
