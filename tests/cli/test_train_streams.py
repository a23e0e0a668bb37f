"""Where the screen of `rnnswap train` goes when the script changes or loses the streams."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import io, os, sys, torch
weight = torch.nn.Parameter(torch.ones(2))
weight.sum().backward()
torch.optim.SGD([weight]).step()
print("done", flush=True)
"""


def train(folder, end, **streams):
    """Run the script and `end` in a process of its own, where streams are real."""
    (folder / "script.py").write_text(f"{SCRIPT}{end}\n", "utf-8")
    command = [sys.executable, "-m", "rnnswap", "train", "script.py"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(command, cwd=folder, text=True, timeout=240, check=False, **pipes)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("sys.stderr = io.StringIO()", True),
        ("sys.stderr = sys.stdout", True),
        ("sys.stderr = None", True),
        ("sys.stdout = sys.stderr = sys.__stderr__ = None", True),
        ("sys.stderr.close()", False),
        ("os.close(2)", False),
    ],
)
def test_script_that_takes_stderr_away_keeps_its_code(tmp_path, end, told):
    done = train(tmp_path, end)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("rnnswap train script.py\n") == told
    assert "lost" not in done.stderr


def test_reader_of_stderr_that_has_gone_keeps_the_code(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = train(tmp_path, "import atexit; atexit.register(print, 'late')", stderr=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stdout) == (0, "done\nlate\n")
