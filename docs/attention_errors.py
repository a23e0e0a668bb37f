"""Print docs/attention.md's table of error rates: the seq2seq example with each mechanism.

Every figure comes from a command such as a reader would type,
`python docs/examples/seq2seq.py --attention hard --set k=2 --seed 1`: the same number of steps for
all. With `--heatmaps FOLDER` the runs of seed 0 also draw where they look.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

SCRIPT = Path(__file__).parent / "examples" / "seq2seq.py"
RUNS = {
    "none": ("--attention", "none"),
    "soft": ("--attention", "soft"),
    "hard, k=2": ("--attention", "hard", "--set", "k=2"),
    "multihead": ("--attention", "multihead"),
}
SEEDS = (0, 1, 2)
RATE = re.compile(r"^phoneme error rate: (\d+\.\d+) %$", re.MULTILINE)


def error_rate(name: str, seed: int, *more: str) -> float:
    """Train the example once; return its phoneme error rate in per cent.

    Raises:
        RuntimeError: The run failed, or printed no error rate.
    """
    command = [sys.executable, str(SCRIPT), *RUNS[name], "--seed", str(seed), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    found = RATE.search(done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(f"{' '.join(command)} exited {done.returncode}: {done.stderr}")
    sys.stderr.write(f"{name}, seed {seed}: {found[1]} %\n")
    return float(found[1])


def table(rates: dict[str, list[float]]) -> str:
    """Return the markdown table of {mechanism: an error rate per seed}."""
    lines = [
        "| attention | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " | mean |",
        "|---|" + "---:|" * (len(SEEDS) + 1),
    ]
    for name, found in rates.items():
        row = [f"{rate:.2f} %" for rate in (*found, statistics.mean(found))]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train with every mechanism and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    jobs = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=jobs, help="trainings at a time (all cores)")
    parser.add_argument("--heatmaps", type=Path, help="folder for soft.png, hard.png, ...")
    args = parser.parse_args()

    def rate(name: str, seed: int) -> float:
        drawn = args.heatmaps is not None and seed == 0 and name != "none"
        path = args.heatmaps / f"{RUNS[name][1]}.png" if drawn else None
        return error_rate(name, seed, *([] if path is None else ["--heatmap", str(path)]))

    # Each run keeps to one thread, so runs side by side do not change each other.
    names, seeds = zip(*product(RUNS, SEEDS), strict=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        rates = list(pool.map(rate, names, seeds))
    rows = {name: rates[i * len(SEEDS) :][: len(SEEDS)] for i, name in enumerate(RUNS)}
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
