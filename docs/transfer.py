"""Print docs/swapping.md's figures of `weights="transfer"`: what an LSTM's weights are worth.

    python docs/transfer.py

The digits example is trained with nn.LSTM as it stands (40 epochs). Then its LSTM is swapped for
JANET, once with fresh weights and once with those taken over; the classifier behind it keeps its
weights both times. Both are trained on with Adam at a constant rate, and the test accuracy is
looked at every ten steps. Printed are the steps until it first reaches each mark.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

import rnnswap

EXAMPLE = Path(__file__).parent / "examples" / "LSTMModel.py"
SEEDS = (0, 1, 2)
MARKS = (0.90, 0.95, 0.97)
MOST, EVERY = 2000, 10


def example() -> Any:
    """Return the example script as a module."""
    spec = importlib.util.spec_from_file_location("digits", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained_lstm(digits: Any, train: DataLoader[Any], epochs: int) -> Any:
    """Train the example's model as the example does."""
    model = digits.LSTMModel(8, 128, 1, num_classes=10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for _ in range(epochs):
        digits.train_epoch(model, train, nn.CrossEntropyLoss(), optimizer)
        scheduler.step()
    return model


def steps_to_marks(
    digits: Any, model: Any, train: DataLoader[Any], test: DataLoader[Any], rate: float, most: int
) -> dict[float, int | None]:
    """Train on, and return the steps after which each mark was first reached; None if not."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    found: dict[float, int | None] = dict.fromkeys(MARKS)
    step = 0
    while step < most and None in found.values():
        for images, labels in train:
            if step % EVERY == 0:
                accuracy = digits.evaluate(model, test)
                for mark in MARKS:
                    if found[mark] is None and accuracy >= mark:
                        found[mark] = step
                model.train()
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            step += 1
    return found


def compare(
    seed: int, rate: float, epochs: int = 40, most: int = MOST
) -> tuple[float, dict[str, dict[float, int | None]]]:
    """Return nn.LSTM's accuracy, and for both kinds of weights the steps to each mark."""
    digits = example()
    torch.manual_seed(seed)
    sets = digits.load_data()
    train = DataLoader(sets[0], batch_size=32, shuffle=True)
    test = DataLoader(sets[1], batch_size=512)
    lstm = trained_lstm(digits, train, epochs)
    checkpoint = lstm.state_dict()
    found = {}
    for weights in ("fresh", "transfer"):
        model = digits.LSTMModel(8, 128, 1, num_classes=10)
        model.load_state_dict(checkpoint)
        torch.manual_seed(seed)
        rnnswap.swap_(model, "janet", weights=weights)
        found[weights] = steps_to_marks(digits, model, train, test, rate, most)
    return digits.evaluate(lstm, test), found


def table(results: list[tuple[float, dict[str, dict[float, int | None]]]]) -> str:
    """Return the markdown table: a row a kind of weights and mark, a column a seed."""
    lines = [
        "| weights | steps to | " + " | ".join(f"seed {s}" for s in SEEDS) + " | median |",
        "|---|---|" + "---:|" * (len(SEEDS) + 1),
    ]
    for weights in ("fresh", "transfer"):
        for mark in MARKS:
            steps = [found[weights][mark] for _, found in results]
            known = [MOST if s is None else s for s in steps]
            cells = [f"over {MOST}" if s is None else str(s) for s in steps]
            median = f"{statistics.median(known):.0f}"
            lines.append(f"| {weights} | {mark:.0%} | " + " | ".join([*cells, median]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train, swap and train on, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--lr", type=float, default=1e-2, help="after the swap (0.01, the example's)"
    )
    rate = parser.parse_args().lr
    torch.set_num_threads(1)
    results = [compare(seed, rate) for seed in SEEDS]
    accuracies = ", ".join(f"{accuracy:.2%}" for accuracy, _ in results)
    sys.stdout.write(f"nn.LSTM before the swap: {accuracies}\n\n{table(results)}\n")


if __name__ == "__main__":
    main()
