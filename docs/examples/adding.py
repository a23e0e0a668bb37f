"""The adding problem (Hochreiter and Schmidhuber, 1997) with an LSTM.

Each sequence has two channels: T random numbers from [0, 1], and a mask that is 1 at two places,
one in each half, and 0 elsewhere. The target is the sum of the two marked numbers. Always
answering 1 gives a mean squared error of 1/6 = 0.167; doing better takes memory over T steps.

    python adding.py
    python adding.py --length 400 --steps 5000
"""

import argparse

import torch
from torch import nn


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size=2, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, (h_n, _) = self.lstm(x)
        return self.out(h_n[-1]).squeeze(1)


def make_batch(batch_size, length):
    """Return inputs (batch, length, 2) and targets (batch,)."""
    values = torch.rand(batch_size, length)
    half = length // 2
    first = torch.randint(0, half, (batch_size,))
    second = torch.randint(half, length, (batch_size,))
    mask = torch.zeros(batch_size, length)
    rows = torch.arange(batch_size)
    mask[rows, first] = 1.0
    mask[rows, second] = 1.0
    return torch.stack([values, mask], dim=2), (values * mask).sum(dim=1)


def evaluate(model, length, batches=10, batch_size=200):
    """Return the mean squared errors of the model and of always answering 1."""
    model.eval()
    model_mse = one_mse = 0.0
    with torch.no_grad():
        for _ in range(batches):
            x, y = make_batch(batch_size, length)
            model_mse += nn.functional.mse_loss(model(x), y).item() / batches
            one_mse += (1.0 - y).square().mean().item() / batches
    return model_mse, one_mse


def parse_args():
    parser = argparse.ArgumentParser(description="the adding problem with an LSTM")
    parser.add_argument("--length", type=int, default=100, help="time steps T, at least 2 (100)")
    parser.add_argument("--steps", type=int, default=2500, help="training steps (2500)")
    parser.add_argument("--batch-size", type=int, default=32, help="sequences in a batch (32)")
    parser.add_argument("--hidden", type=int, default=64, help="hidden size (64)")
    parser.add_argument("--lr", type=float, default=1e-2, help="Adam's learning rate (0.01)")
    parser.add_argument("--print-every", type=int, default=100, help="steps between lines (100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data (0)")
    args = parser.parse_args()
    if args.length < 2:
        parser.error(f"--length must be at least 2 for two marks, got {args.length}")
    return args


def main():
    args = parse_args()
    # Tensors this small gain nothing from a second thread, and with one a seed gives the same
    # figures whatever the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    model = AddingModel(args.hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    running = []
    for step in range(1, args.steps + 1):
        x, y = make_batch(args.batch_size, args.length)
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running.append(loss.item())
        if step % args.print_every == 0 or step == args.steps:
            print(f"step {step:5d}  mse {sum(running) / len(running):.4f}")
            running.clear()

    model_mse, one_mse = evaluate(model, args.length)
    print(f"test mse: {model_mse:.4f} (always answering 1: {one_mse:.4f})")


if __name__ == "__main__":
    main()
