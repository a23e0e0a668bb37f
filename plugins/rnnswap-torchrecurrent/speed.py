"""Times every layer beside torchrecurrent's own, interleaved: the README's tables.

python speed.py                 all 41 layers
python speed.py SGU STAR        some of them
python speed.py --by-hand       cells written as one step, as docs/plugins.md shows, without adapter
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import rnnswap_torchrecurrent
import torch
import torchrecurrent
from torch.nn.functional import linear

import rnnswap

STEPS, BATCH, WIDTH = 100, 16, 64
ROUNDS = 7


class UGRNN(rnnswap.RecurrentLayer):
    """h = u h' + (1 - u) c, with c = tanh(...) and u = sigmoid(...) of W x + U h' + b."""

    gates = 2

    def step(self, gates_x: Any, state: Any, weights: Any) -> Any:
        """Return the new state."""
        (h,) = state
        c, u = (gates_x + linear(h, weights["weight_hh"])).chunk(2, -1)
        return (torch.lerp(torch.tanh(c), h, torch.sigmoid(u)),)


class MGU(rnnswap.RecurrentLayer):
    """h = f c + (1 - f) h', with f = sigmoid(W_f x + U_f h'), c = tanh(W_c x + U_c (f h'))."""

    gates = 2

    def step(self, gates_x: Any, state: Any, weights: Any) -> Any:
        """Return the new state."""
        (h,) = state
        f_x, c_x = gates_x.chunk(2, -1)
        for_f, for_c = weights["weight_hh"].chunk(2)
        f = torch.sigmoid(f_x + linear(h, for_f))
        return (torch.lerp(h, torch.tanh(c_x + linear(f * h, for_c)), f),)


BY_HAND = {"UGRNN": UGRNN, "MGU": MGU}


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


def times(theirs: Any, ours: Any, train: bool) -> list[float]:
    """Return the median seconds of both, of interleaved calls after one that is not counted."""
    x = torch.randn(STEPS, BATCH, WIDTH)
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for layer, seconds in zip((theirs, ours), found, strict=True):
            seconds.append(run_once(layer, x, train))
    return [statistics.median(seconds[1:]) for seconds in found]


def through_the_adapter(names: list[str]) -> None:
    """Print a row for each layer, then the least and the middle."""
    ratios = []
    print("| layer | forward | training |\n|---|---:|---:|")
    for name in names:
        pair = [getattr(m, name)(WIDTH, WIDTH) for m in (torchrecurrent, rnnswap_torchrecurrent)]
        both = (times(*pair, train=train) for train in (False, True))
        ratios.append([theirs / ours for theirs, ours in both])
        print("| " + " | ".join([name, *(f"{ratio:.2f}x" for ratio in ratios[-1])]) + " |")
    for what, pick in (("least", min), ("median", statistics.median)):
        columns = [f"{pick(column):.2f}x" for column in zip(*ratios, strict=True)]
        print(f"| {what} | " + " | ".join(columns) + " |")


def by_hand() -> None:
    """Print milliseconds of torchrecurrent's layer and of a step written by hand."""
    print("| layer | | torchrecurrent | one step by hand | |\n|---|---|---:|---:|---:|")
    for name, cls in BY_HAND.items():
        theirs, ours = getattr(torchrecurrent, name)(WIDTH, WIDTH), cls(WIDTH, WIDTH)
        drawn = theirs.cells[0].state_dict().items()
        ours.load_state_dict({f"{key}_l0": value for key, value in drawn})
        x = torch.randn(STEPS, BATCH, WIDTH)
        torch.testing.assert_close(ours(x)[0], theirs(x)[0])
        for train in (False, True):
            one, other = times(theirs, ours, train)
            what = "training" if train else "forward"
            row = f"{1000 * one:.2f} ms | {1000 * other:.2f} ms | {one / other:.2f}x"
            print(f"| {name} | {what} | {row} |", flush=True)


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description="times as fast as torchrecurrent's own layers")
    parser.add_argument("names", nargs="*", help="layers; all of them if none is named")
    parser.add_argument("--by-hand", action="store_true", help="cells written as one step")
    asked = parser.parse_args()
    if asked.by_hand:
        by_hand()
    else:
        through_the_adapter(asked.names or rnnswap_torchrecurrent.__all__)


if __name__ == "__main__":
    main()
