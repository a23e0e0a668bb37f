"""Which child processes are counted as out of reach, and that multiprocessing is as before."""

import multiprocessing
import multiprocessing.context
import subprocess
import sys

import pytest
import torch
from torch.utils.data import DataLoader

from rnnswap.training.spawned import SpawnedProcesses

CLASSES = (multiprocessing.context.SpawnProcess, multiprocessing.context.ForkServerProcess)
ORIGINALS = [c.__dict__["_Popen"] for c in CLASSES]


@pytest.fixture(autouse=True)
def multiprocessing_is_restored():
    yield
    assert [c.__dict__["_Popen"] for c in CLASSES] == ORIGINALS


def started(method, target=abs, args=(1,)):
    process = multiprocessing.get_context(method).Process(target=target, args=args)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize(("method", "count"), [("fork", 0), ("spawn", 2), ("forkserver", 2)])
def test_children_that_start_anew_are_counted(method, count):
    with SpawnedProcesses() as children:
        assert [started(method), started(method)] == [0, 0]
    assert children.count == count
    if method == "spawn":
        assert started(method) == 0
        assert children.count == count


def test_child_that_could_not_be_started_is_not_counted():
    with SpawnedProcesses() as children, pytest.raises((AttributeError, TypeError)):
        started("spawn", target=lambda: None, args=())
    assert children.count == 0


def test_blocks_count_each_their_own():
    with SpawnedProcesses() as outer:
        with SpawnedProcesses() as inner:
            started("spawn")
        started("spawn")
    assert (outer.count, inner.count) == (2, 1)


@pytest.mark.slow
def test_data_loaders_workers_are_not_counted():
    data = torch.arange(4.0)
    with SpawnedProcesses() as children:
        loader = DataLoader(data, batch_size=2, num_workers=1, multiprocessing_context="spawn")
        assert torch.equal(torch.cat(list(loader)), data)
    assert children.count == 0


@pytest.mark.slow
def test_screen_tells_of_spawned_children(tmp_path):
    (tmp_path / "script.py").write_text(
        """
import multiprocessing, torch

def work():
    print(type(torch.nn.LSTM(2, 3)).__name__, flush=True)

if __name__ == "__main__":
    for method in ("spawn", "fork"):
        child = multiprocessing.get_context(method).Process(target=work)
        child.start()
        child.join()
""",
        "utf-8",
    )
    command = [sys.executable, "-m", "rnnswap", "train", "--cell", "janet", "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.stdout == "LSTM\nJANET\n"
    assert "1 child process was spawned: it runs without swap and clipping\n" in done.stderr
