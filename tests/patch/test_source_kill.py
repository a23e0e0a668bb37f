"""Killed at any moment, `patch` leaves the original or the result, and no process."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kill_patch.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the script forks")


def test_a_killed_run_leaves_originals_and_results_and_nothing_else():
    done = subprocess.run(
        [sys.executable, SCRIPT, "25"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines, moments = re.findall(r": (\d+) killed \(0 done: \d+, 1 done: \d+", done.stdout)
    assert int(lines) > 50
    assert int(moments) == 25


def test_processes_end_with_the_one_that_feeds_them(tmp_path):
    body = "".join(f"\ndef f{n}(x):\n    return [x, {n}]\n" for n in range(200))
    for n in range(40):
        (tmp_path / f"m{n}.py").write_text(f"from torch import nn\nrnn = nn.LSTM(8, 16)\n{body}")
    with subprocess.Popen(
        [sys.executable, "-m", "rnnswap", "patch", "--jobs", "2", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for _ in range(3):
            assert "JANET" in process.stderr.readline()
        process.kill()
        process.wait()
        # They hold the other end of the pipe: it ends with the last of them.
        process.stderr.read()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("a process lived on")
