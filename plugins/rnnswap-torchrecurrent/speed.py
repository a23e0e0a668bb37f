"""Times every layer beside torchrecurrent's own, interleaved: the README's table."""

from __future__ import annotations

import statistics
import time
from typing import Any

import rnnswap_torchrecurrent
import torch
import torchrecurrent

STEPS, BATCH, WIDTH = 100, 16, 64
ROUNDS = 7


def run_once(layer: Any, x: torch.Tensor, train: bool) -> float:
    """Return the seconds of one call, with a backward if training."""
    start = time.perf_counter()
    if train:
        layer.zero_grad()
        layer(x)[0].sum().backward()
    else:
        with torch.inference_mode():
            layer(x)
    return time.perf_counter() - start


def main() -> None:
    """Print a row for each layer, then the least and the middle."""
    ratios = []
    x = torch.randn(STEPS, BATCH, WIDTH)
    print("| layer | forward | training |\n|---|---:|---:|")
    for name in rnnswap_torchrecurrent.__all__:
        pair = [getattr(m, name)(WIDTH, WIDTH) for m in (torchrecurrent, rnnswap_torchrecurrent)]
        row = []
        for train in (False, True):
            times: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for layer, found in zip(pair, times, strict=True):
                    found.append(run_once(layer, x, train))
            theirs, ours = (statistics.median(found[1:]) for found in times)
            row.append(theirs / ours)
        ratios.append(row)
        print(f"| {name} | {row[0]:.2f}x | {row[1]:.2f}x |", flush=True)
    for what, pick in (("least", min), ("median", statistics.median)):
        print(
            f"| {what} | " + " | ".join(f"{pick(c):.2f}x" for c in zip(*ratios, strict=True)) + " |"
        )


if __name__ == "__main__":
    main()
