"""Read a handwritten digit row by row with an LSTM.

The data are the 1797 digits that come with scikit-learn, 8 x 8 pixels each: a sequence of 8 rows
with 8 values. Needs torch and scikit-learn; nothing is downloaded.

    python LSTMModel.py
    python LSTMModel.py --seed 1 --epochs 10
"""

import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class LSTMModel(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        out, _ = self.lstm(x)  # (batch, 8, hidden)
        return self.fc(out[:, -1, :])


def load_data():
    """Return train and test sets; the split is the same for every seed."""
    digits = load_digits()
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32)  # (1797, 8, 8)
    labels = torch.tensor(digits.target, dtype=torch.long)
    train, test = train_test_split(
        range(len(labels)), test_size=0.25, random_state=0, stratify=digits.target
    )
    return (
        TensorDataset(images[train], labels[train]),
        TensorDataset(images[test], labels[test]),
    )


def train_epoch(model, loader, criterion, optimizer):
    """Go through the training set once and return the mean loss."""
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def evaluate(model, loader):
    """Return the share of images whose digit is recognised."""
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loader:
            correct += (model(images).argmax(dim=1) == labels).sum().item()
    return correct / len(loader.dataset)


def parse_args():
    parser = argparse.ArgumentParser(description="digits, row by row, with an LSTM")
    parser.add_argument("--hidden", type=int, default=128, help="hidden size (128)")
    parser.add_argument("--layers", type=int, default=1, help="number of layers (1)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the data (40)")
    parser.add_argument("--batch-size", type=int, default=32, help="images in a batch (32)")
    parser.add_argument("--lr", type=float, default=1e-2, help="first learning rate (0.01)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and order (0)")
    return parser.parse_args()


def main():
    args = parse_args()
    # Tensors this small gain nothing from a second thread, and with one a seed gives the same
    # figures whatever the number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    train_set, test_set = load_data()
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)

    model = LSTMModel(8, args.hidden, args.layers, num_classes=10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(model, train_loader, criterion, optimizer)
        scheduler.step()
        if epoch % 5 == 0 or epoch in (1, args.epochs):
            print(f"epoch {epoch:3d}  loss {loss:.4f}")

    print(f"test accuracy: {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
