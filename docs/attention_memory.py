"""Print docs/attention.md's memory table: peaks of a training step by the number of steps.

Each figure is of a process of its own: MiB of resident memory above what stood before forward and
backward. Linux alone tells it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import rnnswap

BATCH, WIDTH = 4, 256
STEPS = (512, 1024, 2048, 4096)
#: What is printed: mechanism, its options, the call's.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "`soft`, dot": ("soft", {"score": "dot"}, {"need_weights": False}),
    "`soft`, general": ("soft", {}, {"need_weights": False}),
    "`self`, 8 heads": ("self", {}, {"need_weights": False}),
    "`self`, 8 heads, causal": ("self", {}, {"need_weights": False, "causal": True}),
    "`soft`, general, with weights": ("soft", {}, {}),
    "`self`, 8 heads, with weights": ("self", {}, {}),
}
#: With weights they are quadratic: beyond this many steps they tell nothing new.
LONGEST_WITH_WEIGHTS = 2048


def peak(name: str, options: dict[str, Any], call: dict[str, Any], steps: int) -> int:
    """Return the bytes by which forward and backward exceed what was held before them."""
    module = rnnswap.get_attention(name)(WIDTH, WIDTH, **options)

    def step(length: int) -> None:
        x = torch.randn(BATCH, length, WIDTH, requires_grad=True)
        module(x, x, x, **call)[0].sum().backward()

    step(8)  # loads libraries and makes the gradients of the parameters
    gc.collect()
    # Freed memory that malloc keeps is resident, and taking it again would not show.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    before = resident("VmRSS")
    step(steps)
    return resident("VmHWM") - before


def resident(name: str) -> int:
    """Return a value of /proc/self/status in bytes."""
    (kilobytes,) = re.findall(rf"^{name}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    return int(kilobytes) * 1024


def main() -> None:
    """Measure each figure in a fresh process."""
    if len(sys.argv) > 1:
        sys.stdout.write(str(peak(*json.loads(sys.argv[1]))))
        return
    sys.stdout.write("| T | " + " | ".join(map(str, STEPS)) + " |\n")
    sys.stdout.write("|---|" + "---:|" * len(STEPS) + "\n")
    for title, case in CASES.items():
        row = []
        for steps in STEPS:
            if steps > LONGEST_WITH_WEIGHTS and "need_weights" not in case[2]:
                row.append("")
                continue
            command = [sys.executable, __file__, json.dumps([*case, steps])]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row.append(f"{int(done.stdout) / 2**20:.0f}")
        sys.stdout.write(f"| {title} | " + " | ".join(row) + " |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
