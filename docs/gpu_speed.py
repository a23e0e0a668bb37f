"""Measure JANET and IndRNN against nn.LSTM (cuDNN) on a CUDA device, by the device's own events.

    python docs/gpu_speed.py                      everything, hours
    python docs/gpu_speed.py --steps 1024         these T alone; --batch, --hidden, --dtype likewise
    python docs/gpu_speed.py --packed             packed input with ragged lengths beside padded

Every figure comes from `rnnswap bench --json`, one run a shape, H = I. What was measured goes to
docs/benchmarks/gpu.json as soon as a shape is done, with device, driver and versions; what it comes
to, beside the numbers this project set itself, to stdout. No figures of a GPU are kept there yet.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from speed import CELLS, store

STEPS = (128, 512, 1024, 4096)
BATCH = (1, 16, 64, 256)
HIDDEN = (128, 256, 512, 768, 1024)
DTYPES = ("bfloat16", "float32")
MODES = ("forward", "training")
Found = dict[str, Any]


def measure(device: str, dtype: str, shape: str, mode: str, *more: str) -> Found:
    """Return what `rnnswap bench` says of one shape; what failed there is part of it.

    Raises:
        RuntimeError: It measured nothing; what it said went to stderr.
    """
    command = [sys.executable, "-m", "rnnswap", "bench", "--json", *CELLS, "--device", device]
    command += ["--dtype", dtype, "--shape", shape, "--mode", mode, *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise RuntimeError(f"rnnswap bench ended with exit code {done.returncode}")
    found: Found = json.loads(done.stdout)
    return found


def versions() -> dict[str, str]:
    """Return the driver's and triton's version, as far as there are any."""
    found = {}
    with contextlib.suppress(PackageNotFoundError):
        found["triton"] = version("triton")
    if tool := shutil.which("nvidia-smi"):
        asked = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
        done = subprocess.run(asked, stdout=subprocess.PIPE, text=True)
        found["driver"] = done.stdout.partition("\n")[0].strip()
    return found


def measured(grid: argparse.Namespace) -> Iterator[Found]:
    """Yield all that was measured so far, after each shape."""
    more = ("--packed",) if grid.packed else ()
    total: Found = {"machine": {}, "entries": [], "failures": []}
    for dtype, steps, batch, hidden in itertools.product(
        grid.dtype, grid.steps, grid.batch, grid.hidden
    ):
        for mode in MODES:
            shape = f"{steps},{batch},{hidden},{hidden}"
            found = measure(grid.device, dtype, shape, mode, *more)
            total["machine"] = found["machine"] | versions()
            total["entries"] += [e | {"dtype": dtype} for e in found["entries"] if _asked(e)]
            total["failures"] += [f | {"dtype": dtype} for f in found["failures"]]
            yield total


def _asked(entry: Found) -> bool:
    return entry["mode"] in MODES  # not training-dx, which comes with training


def bound(entry: Found) -> float | None:
    """Return how many times as fast as nn.LSTM an entry should be, or None where nothing is set."""
    steps, batch, _, hidden = map(int, entry["shape"].split(","))
    if entry["cell"] == "nn.LSTM":
        return None
    if entry["packed"]:
        return 5.0
    if entry["cell"] == "janet":
        return 1.5 if batch >= 64 else 1.0
    if entry["mode"] == "training" and steps >= 1024:
        return 10.0 if batch * hidden <= 2**14 else 5.0
    return None


def verdicts(found: Found) -> Iterator[str]:
    """Yield a line for each figure that has a bound, then what failed."""
    for entry in found["entries"]:
        least, ratio = bound(entry), entry["ratio"]
        if least is not None and ratio is not None:
            word = "reached" if ratio >= least else "MISSED "
            packed = " packed" if entry["packed"] else ""
            what = f"{entry['cell']} {entry['dtype']} {entry['mode']}{packed} at {entry['shape']}"
            served = entry["implementation"]
            yield f"{word}  {what}, by {served}: {ratio:.2f} (at least {least:g})"
    for failure in found["failures"]:
        yield f"FAILED   {failure['cell']} at {failure['shape']}: {failure['reason']}"


def main() -> None:
    """Measure the grid, or the part of it that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, values in (("steps", STEPS), ("batch", BATCH), ("hidden", HIDDEN)):
        parser.add_argument(f"--{name}", type=int, nargs="+", default=values)
    parser.add_argument("--dtype", nargs="+", default=DTYPES, choices=DTYPES)
    parser.add_argument("--packed", action="store_true", help="packed input too")
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    found: Found = {"entries": [], "failures": []}
    for found in measured(parser.parse_args()):
        store("gpu", found)
    sys.stdout.write("".join(f"{line}\n" for line in verdicts(found)))


if __name__ == "__main__":
    main()
