"""Measure `rnnswap scan` on a large tree and `rnnswap patch` on one small file.

    python docs/patch_speed.py                  10,000 files, nine rounds, a minute
    python docs/patch_speed.py --files 1000

The tree holds copies of the standard library's modules of up to 16 kB; one file in a hundred uses
an LSTM. `scan` is held against a bare loop in Python that reads each file of a list once and tests
`b"LSTM" in data`. Two things that the loop has not are taken off: starting (`scan` of an empty
folder) and the files that match (`scan` of a folder that holds them alone, less starting). `patch`
is held against `python -c "import libcst"`. All are run in turn, files in the page cache; medians
of wall time, and of ratios round by round. Memory is the most that a process held at a time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MODEL = """\
from torch import nn


class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.rnn = nn.LSTM(size, 16, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]
"""
LARGEST = 16_000
PER_FOLDER = 50
RNNSWAP = (sys.executable, "-m", "rnnswap")


def make_tree(root: Path, files: int) -> None:
    """Write `files` Python files below `root`, and those among them that use an LSTM below twin."""
    library = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    texts = [p.read_bytes() for p in library if p.stat().st_size <= LARGEST]
    texts = [text for text in texts if b"LSTM" not in text]
    for number in range(files):
        path = Path("tree", f"p{number // PER_FOLDER:03}", f"m{number:05}.py")
        found = number % 100 == 99
        content = MODEL.encode() if found else texts[number % len(texts)]
        for folder in ("", "twin") if found else ("",):
            (root / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (root / folder / path).write_bytes(content)
    (root / "empty").mkdir()
    (root / "model.py").write_text(MODEL)


def run(*command: str) -> float:
    """Return the wall time of a command in seconds; what it prints goes nowhere."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def bare_loop(paths: list[str]) -> float:
    """Return the time of reading each file once and looking for the word, in seconds."""
    started = time.perf_counter()
    count = 0
    for path in paths:
        with open(path, "rb") as file:  # noqa: PTH123  (the fastest way people know)
            count += b"LSTM" in file.read()
    assert count
    return time.perf_counter() - started


def patch_once() -> float:
    """Return the wall time of rewriting one small file, in seconds."""
    Path("model.py").write_text(MODEL)
    seconds = run(*RNNSWAP, "patch", "model.py")
    assert "JANET" in Path("model.py").read_text()
    return seconds


def peak_of(*command: str) -> int:
    """Return the most memory that a command held, in kB."""
    code = (
        "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, check=True)
    return int(done.stdout)


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the times of each measurement, in seconds, round by round."""
    paths = [os.path.join(d, f) for d, _, files in os.walk("tree") for f in sorted(files)]  # noqa: PTH118
    one = ("--jobs", "1")
    kinds: dict[str, Callable[[], float]] = {
        "bare loop": lambda: bare_loop(paths),
        "grep -rl": lambda: run("grep", "-rl", "LSTM", "tree"),
        "scan": lambda: run(*RNNSWAP, "scan", *one, "tree"),
        "scan of an empty folder": lambda: run(*RNNSWAP, "scan", *one, "empty"),
        "scan of what matches": lambda: run(*RNNSWAP, "scan", *one, "twin"),
        "import libcst": lambda: run(sys.executable, "-c", "import libcst"),
        "patch of one file": patch_once,
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds + 1):
        for kind, action in kinds.items():
            seconds = action()
            if number:  # the first round fills the caches
                times[kind].append(seconds)
    return times


def in_units(times: dict[str, list[float]], kind: str, unit: str, less: str = "") -> float:
    """Return the median over the rounds of one time, less another, in units of a third."""
    taken_off = times[less] if less else [0.0] * len(times[kind])
    rounds = zip(times[kind], taken_off, times[unit], strict=True)
    return statistics.median((time - off) / of for time, off, of in rounds)


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="files in the tree")
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make_tree(Path(name), arguments.files)
        os.chdir(name)
        found = measure(arguments.rounds)
        peaks = [peak_of(*RNNSWAP, "scan", "--jobs", "1", folder) for folder in ("tree", "twin")]
        os.chdir("/")
    out = sys.stdout.write
    for kind, values in found.items():
        out(f"{kind:24} {statistics.median(values) * 1e3:8.0f} ms\n")
    looking = in_units(found, "scan", "bare loop", less="scan of what matches")
    out(f"scan, less starting and what matches: {looking:.2f} bare loops\n")
    out(f"patch of one file: {in_units(found, 'patch of one file', 'import libcst'):.2f} imports\n")
    out(f"peak memory of scan: {peaks[0]} kB; of what matches alone: {peaks[1]} kB\n")


if __name__ == "__main__":
    main()
