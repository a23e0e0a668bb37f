"""What installed plugins cost at the start: commands with none and with many, interleaved.

python docs/plugins_startup.py
python docs/plugins_startup.py --plugins 1000 --repeats 30

`--help` imports no plugin; `plugins` imports them all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (["--help"], ["patch", "--help"], ["plugins"])
SOURCE = """import rnnswap


@rnnswap.hookimpl
def rnnswap_cells():
    return [rnnswap.CellSpec(name="acme-{k}", target="acme_{k}:Cell")]
"""


def install(folder: Path, count: int) -> None:
    """Write distributions of one cell each, as pip lays them out."""
    for k in range(count):
        (folder / f"acme_{k}.py").write_text(SOURCE.format(k=k), "utf-8")
        info = folder / f"acme_{k}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: acme-{k}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata, "utf-8")
        (info / "entry_points.txt").write_text(f"[rnnswap]\np = acme_{k}\n", "utf-8")


def seconds(command: list[str], folder: Path | None) -> float:
    """Return the seconds of one command, with what lies in `folder` installed."""
    environment = dict(os.environ)
    if folder is not None:
        kept = [p for p in (environment.get("PYTHONPATH"),) if p]
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), *kept])
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rnnswap", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Print a row for each command: medians, their ratio, and that of the shortest."""
    parser = argparse.ArgumentParser(description="start-up with and without plugins")
    parser.add_argument("--plugins", type=int, default=200, help="installed plugins (200)")
    parser.add_argument("--repeats", type=int, default=15, help="runs of each (15)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        install(folder, asked.plugins)
        say(f"command: ms without, with {asked.plugins} plugins, ratio (of the shortest runs)")
        for command in COMMANDS:
            found: tuple[list[float], list[float]] = ([], [])
            for place in (None, folder):
                seconds(command, place)  # not counted: it writes the compiled files
            for _ in range(asked.repeats):
                for place, times in zip((None, folder), found, strict=True):
                    times.append(seconds(command, place))
            none, many = (1000 * statistics.median(times) for times in found)
            least = min(found[1]) / min(found[0])
            name = " ".join(["rnnswap", *command])
            say(f"{name}: {none:.0f}, {many:.0f}, {many / none:.2f} ({least:.2f})")


if __name__ == "__main__":
    main()
