"""Processes that a script starts by a command: reached, or said."""

import json
import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: As Lightning's and Fabric's `ddp` do: the first process starts the others by a command.
REPLICAS = """
import os, subprocess, sys
if "MASTER_ADDR" not in os.environ:
    os.environ.update(MASTER_ADDR="127.0.0.1", WORLD_SIZE="2", NODE_RANK="0", LOCAL_RANK="0")
    command = COMMAND
    child = subprocess.Popen(command, env={**os.environ, "LOCAL_RANK": "1"})
import torch, torch.distributed as dist
rank = int(os.environ["LOCAL_RANK"])
dist.init_process_group("gloo", rank=rank, world_size=2)
torch.manual_seed(0)
lstm = torch.nn.LSTM(4, 3)
ddp = torch.nn.parallel.DistributedDataParallel(lstm)
optimizer = torch.optim.SGD(ddp.parameters(), lr=0.01)
generator = torch.Generator().manual_seed(rank)
for _ in range(3):
    optimizer.zero_grad()
    (ddp(torch.randn(5, 2, 4, generator=generator))[0].square().sum() * 100).backward()
    optimizer.step()
flat = torch.cat([p.detach().reshape(-1) for p in lstm.parameters()])
both = [torch.zeros_like(flat) for _ in range(2)]
dist.all_gather(both, flat)
if rank == 0:
    print(type(lstm).__name__, torch.equal(*both), flush=True)
    child.wait()
dist.destroy_process_group()
"""
OPTIONS = ["--cell", "janet", "--clip", "norm:0.01"]


def train(folder, text, *options, env=None):
    (folder / "fit.py").write_text(text, "utf-8")
    with socket.socket() as listening:
        listening.bind(("", 0))
        port = str(listening.getsockname()[1])
    return subprocess.run(
        [sys.executable, "-m", "rnnswap", "train", *options, "fit.py"],
        cwd=folder,
        env={**os.environ, "MASTER_PORT": port, "OMP_NUM_THREADS": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.parametrize(
    "command",
    [
        "[sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]]",
        "['env', 'A=1', sys.executable, '-u', sys.argv[0]]",
    ],
)
def test_ranks_started_by_a_command_are_swapped_and_clipped(tmp_path, command):
    text = REPLICAS.replace("COMMAND", command)
    done = train(tmp_path, text, *OPTIONS, "--report", "run")
    assert (done.returncode, done.stdout) == (0, "JANET True\n"), done.stderr
    assert "norm:0.01 acted in 3 of 3 steps" in done.stderr
    assert "children       1 process made 3 steps, norm:0.01 acted in 3 (100.0%)" in done.stderr
    assert "without" not in done.stderr
    assert done.stderr.count("rnnswap train") == 1
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["state"] == "ended"


def test_rank_behind_a_shell_is_named_at_once(tmp_path):
    """No command of ours can be put into a shell's text: whoever reads it must know."""
    text = (
        "import os, subprocess, sys\n"
        "if 'RANK' not in os.environ:\n"
        "    command = f'{sys.executable} {sys.argv[0]}'\n"
        "    subprocess.run(command, shell=True, env={**os.environ, 'RANK': '1'})\n"
        "    os.system(command.replace(sys.executable, 'RANK=2 python3') + ' --version')\n"
    )
    done = train(tmp_path, text)
    assert "rnnswap: process 1 of this training was started by `" in done.stderr
    assert "start the script by `torchrun -m rnnswap train`" in done.stderr
    assert "2 child processes were started by a Python command: they run without" in done.stderr


def test_launcher_in_a_script_launches_it_under_the_same_settings(tmp_path):
    text = (
        "import os, subprocess, sys, torch\n"
        "if 'RANK' not in os.environ:\n"
        "    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone']\n"
        "    sys.exit(subprocess.run([*torchrun, '--nproc-per-node=2', __file__]).returncode)\n"
        "lstm = torch.nn.LSTM(2, 2)\n"
        "lstm(torch.ones(1, 1, 2))[0].sum().backward()\n"
        "torch.optim.SGD(lstm.parameters(), lr=0.1).step()\n"
        "print(type(lstm).__name__, flush=True)\n"
    )
    done = train(tmp_path, text, *OPTIONS)
    assert (done.returncode, done.stdout) == (0, "JANET\n" * 2), done.stderr
    assert "children       2 processes made 2 steps, norm:0.01 acted in 2 (100.0%)" in done.stderr
    assert "janet, 2 layers swapped" in done.stderr


@pytest.mark.parametrize(
    "launcher",
    [
        ("SLURM_PROCID", {"SLURM_NTASKS": "2"}),
        ("OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE": "2"}),
        ("PMI_RANK", {}),
        ("LOCAL_RANK", {"NODE_RANK": "0"}),
    ],
    ids=lambda launcher: launcher[0],
)
def test_first_process_of_a_launch_alone_reports(tmp_path, launcher):
    name, more = launcher
    text = "import torch\nw = torch.ones(2, requires_grad=True)\n(w * 3).sum().backward()\n"
    text += "torch.optim.SGD([w], lr=0.1).step()\n"
    both = [
        train(tmp_path, text, "--report", "run", env={name: rank, **more}) for rank in ("0", "1")
    ]
    assert [done.returncode for done in both] == [0, 0], both[1].stderr
    assert "report         run/report.html" in both[0].stderr
    assert both[1].stderr == ""


def test_script_that_starts_itself_anew_keeps_its_report(tmp_path):
    text = (
        "import os, sys, torch\n"
        "def step():\n"
        "    lstm = torch.nn.LSTM(2, 2)\n"
        "    lstm(torch.ones(1, 1, 2))[0].sum().backward()\n"
        "    torch.optim.SGD(lstm.parameters(), lr=0.1).step()\n"
        "turn = int(os.environ.get('TURN', '0'))\n"
        "for _ in range(turn): step()\n"
        "if turn < 2:\n"
        "    os.execve(sys.executable, [sys.executable, *sys.argv], \n"
        "              {**os.environ, 'TURN': str(turn + 1)})\n"
    )
    done = train(tmp_path, text, *OPTIONS, "--report", "run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("rnnswap train") == 1
    assert "report         run/restart-1/report.html" in done.stderr
    steps = [len(path.read_text().splitlines()) for path in sorted(tmp_path.rglob("*.jsonl"))]
    assert steps == [1, 2]
