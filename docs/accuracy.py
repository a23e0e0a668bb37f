"""Print the README's accuracy table: the digits example with each cell, three seeds a cell.

Every figure comes from the command a reader would type,
`rnnswap train --cell CELL --clip norm:1.0 docs/examples/LSTMModel.py --seed SEED`.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

SCRIPT = Path(__file__).parent / "examples" / "LSTMModel.py"
CELLS = ("lstm", "janet", "indrnn")
SEEDS = (0, 1, 2)
CLIP = "norm:1.0"
ACCURACY = re.compile(r"^test accuracy: (\d\.\d+)$", re.MULTILINE)


def accuracy(cell: str, seed: int) -> float:
    """Train the example with one cell and one seed; return its test accuracy, 0 to 1.

    Raises:
        RuntimeError: The run failed, or printed no accuracy.
    """
    command = [sys.executable, "-m", "rnnswap", "train", "--cell", cell, "--clip", CLIP]
    done = subprocess.run(
        [*command, str(SCRIPT), "--seed", str(seed)],
        capture_output=True,
        text=True,
    )
    found = ACCURACY.search(done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(
            f"the run with cell {cell!r} and seed {seed} exited {done.returncode} "
            f"{'without' if found is None else 'with'} an accuracy; its stderr was:\n{done.stderr}"
        )
    return float(found[1])


def table(figures: dict[str, list[float]]) -> str:
    """Return the markdown table of {cell: an accuracy per seed}, in per cent."""
    lines = [
        "| cell | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " | mean |",
        "|---|" + "---:|" * (len(SEEDS) + 1),
    ]
    for cell, shares in figures.items():
        row = [f"{100 * share:.2f} %" for share in (*shares, statistics.mean(shares))]
        lines.append(f"| {cell} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train every cell with every seed, as many at a time as there are cores."""
    # The example keeps to one thread, so runs side by side do not slow or change each other.
    cells, seeds = zip(*product(CELLS, SEEDS), strict=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shares = list(pool.map(accuracy, cells, seeds))
    rows = {cell: shares[i * len(SEEDS) :][: len(SEEDS)] for i, cell in enumerate(CELLS)}
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
