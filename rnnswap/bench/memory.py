"""Peak memory of one training step, each in a process of its own.

`python -m rnnswap.bench.memory` reads a pickled request on stdin and prints the bytes.
"""

from __future__ import annotations

import ctypes
import gc
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from rnnswap.bench.contestant import make_call, make_inputs, make_layer
from rnnswap.bench.plan import Plan, Shape
from rnnswap.errors import RnnswapError, UnsupportedError

_PEAK = Path("/proc/self/clear_refs")
_MOST_RUNS = 3


def check_peak_is_told(device: torch.device) -> None:
    """Raise UnsupportedError where the system does not tell a process its peak."""
    if device.type == "cpu" and not _PEAK.exists():
        raise UnsupportedError("peak memory on the CPU can be measured on Linux alone")


def peak_of(plan: Plan, cell: str, shape: Shape) -> int:
    """Return the bytes by which a training step's peak exceeds what was held just before it.

    On the CPU it is resident memory, the median of up to three fresh processes; parameters and
    input are there before the step, gradients are not. On a CUDA device it is what torch
    allocated there.

    Raises:
        RnnswapError: The process failed; with the last line of what it said.
    """
    runs = min(plan.repeats, _MOST_RUNS)
    return int(median(_in_fresh_process(plan, cell, shape) for _ in range(runs)))


def _in_fresh_process(plan: Plan, cell: str, shape: Shape) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "rnnswap.bench.memory"],
        input=pickle.dumps((plan, cell, shape)),
        capture_output=True,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise RnnswapError(lines[-1] if lines else f"the process ended with {done.returncode}")
    return int(done.stdout)


def _measure(plan: Plan, cell: str, shape: Shape) -> int:
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    _step_of(plan, cell, Shape(2, 2, 1, plan.proj_size + 2))()  # loads libraries, starts threads
    step = _step_of(plan, cell, shape)
    gc.collect()
    if plan.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    # Freed memory that malloc keeps is resident, and taking it again would not show.
    getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
    _PEAK.write_text("5")  # the peak starts again from what is resident now
    before = _resident("VmRSS")
    step()
    return _resident("VmHWM") - before


def _step_of(plan: Plan, cell: str, shape: Shape) -> Callable[[], object]:
    layer = make_layer(plan, cell, shape)
    return make_call(layer, make_inputs(plan, shape).padded, "training")


def _resident(name: str) -> int:
    """Return a value of /proc/self/status in bytes."""
    (kilobytes,) = re.findall(rf"^{name}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    return int(kilobytes) * 1024


if __name__ == "__main__":
    sys.stdout.write(str(_measure(*pickle.load(sys.stdin.buffer))))
