"""Print what `rnnswap train` adds to a step of the digits example.

    python docs/train_overhead.py

Epochs of the same training take turns: plain, and recorded into a metrics.jsonl as `rnnswap train
--report` records. The first column is the time of a plain step that clips by the same policy as a
careful script would write it: not at all for `none`, by torch's clip_grad_norm_ for `norm:1.0`.

The last rows are of a loop that makes a new optimizer at every step, in a process with many
objects: over a fresh tensor, as latents and adversarial patches are optimised (`tensor`), over a
fresh nn.Parameter that no module holds (`parameter`), and over a fresh copy of a layer (`copy`).
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

import rnnswap
from rnnswap.training.metrics import MetricsWriter
from rnnswap.training.session import Session
from rnnswap.training.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

CELLS, FRESH = ("lstm", "janet", "indrnn"), ("tensor", "parameter", "copy")
EXAMPLE = Path(__file__).parent / "examples" / "LSTMModel.py"


def load_example() -> Any:
    """Import the example from its file."""
    spec = importlib.util.spec_from_file_location("digits_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Training:
    """The example's training, an epoch at a time."""

    def __init__(self, cell: str, clip: str) -> None:
        example = load_example()
        torch.manual_seed(0)
        self.loader = DataLoader(example.load_data()[0], batch_size=32, shuffle=True)
        with rnnswap.patched(cell):
            self.model = example.LSTMModel(8, 128, 1, 10)
        self.criterion = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.clip = clip

    def epoch(self, clips: bool) -> list[float]:
        """Train for one epoch and return the seconds of each step."""
        times = []
        started = time.perf_counter()
        for images, labels in self.loader:
            self.optimizer.zero_grad()
            self.criterion(self.model(images), labels).backward()
            if clips and self.clip == "norm:1.0":
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            times.append(time.perf_counter() - started)
            started = time.perf_counter()
        return times[1:]  # the loader starts with the first


class NewOptimizers:
    """A loop that makes an optimizer over something fresh at every step."""

    def __init__(self, fresh: str, clip: str, steps: int = 200) -> None:
        torch.manual_seed(0)
        layers = [
            torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.ReLU()) for _ in range(60)
        ]
        self.model = torch.nn.Sequential(*layers).requires_grad_(fresh == "copy")
        self.objects = [[n] for n in range(300_000)]
        self.x = torch.randn(16, 256)
        self.fresh, self.clip, self.steps = fresh, clip, steps

    def epoch(self, clips: bool) -> list[float]:
        """Make the steps and return the seconds of each, those of other programs left out."""
        times = []
        for _ in range(self.steps):
            started = time.thread_time()
            self.step(clips)
            times.append(time.thread_time() - started)
        return times[1:]

    def step(self, clips: bool) -> None:
        """Optimise something fresh for one step."""
        if self.fresh == "copy":
            layer = copy.deepcopy(self.model[0])
            parameters, latent = [*layer.parameters()], layer(self.x)
        else:
            latent = torch.randn_like(self.x).requires_grad_()
            latent = torch.nn.Parameter(latent) if self.fresh == "parameter" else latent
            parameters = [latent]
        optimizer = torch.optim.Adam(parameters)
        self.model(latent).pow(2).mean().backward()
        if clips and self.clip == "norm:1.0":
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()


def measure(training: Any, clip: str, epochs: int, folder: Path) -> tuple[float, float]:
    """Return the median seconds of a plain step, and the mean of what recording adds to it."""
    writer = MetricsWriter(folder / f"{time.monotonic_ns()}.jsonl")
    differences, plain = [], []
    for epoch in range(epochs + 2):
        session = Session(Settings(clip), writer.write)
        seconds = {}
        for clips in (True, False) if epoch % 2 else (False, True):
            with contextlib.nullcontext() if clips else session:
                # The slowest steps are the machine's, not ours.
                seconds[clips] = statistics.fmean(sorted(training.epoch(clips))[:-4])
        session.recorder.flush()
        if epoch >= 2:
            plain.append(seconds[True])
            differences.append(seconds[False] - seconds[True])
    return statistics.median(plain), statistics.median(differences)


def rows(epochs: int, loops: Iterable[str]) -> Iterable[str]:
    """Yield the table, line by line."""
    yield f"{'loop':11}{'policy':10}{'plain step':>12}{'added':>10}{'overhead':>10}"
    with tempfile.TemporaryDirectory() as folder:
        for loop in loops:
            for clip in ("none", "norm:1.0"):
                training = (Training if loop in CELLS else NewOptimizers)(loop, clip)
                plain, added = measure(training, clip, epochs, Path(folder))
                yield (
                    f"{loop:11}{clip:10}{plain * 1e3:9.2f} ms{added * 1e6:7.0f} us"
                    f"{added / plain:10.1%}"
                )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="overhead of rnnswap train on the digits example")
    parser.add_argument("--epochs", type=int, default=60, help="pairs of epochs (60)")
    every = (*CELLS, *FRESH)
    parser.add_argument("loops", nargs="*", default=every, help=f"of {', '.join(every)} (all)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for line in rows(args.epochs, args.loops):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
