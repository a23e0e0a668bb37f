# case:
import torch.nn as nn


def build(others):
    [(nn := other) for other in others]
    return nn.LSTM(1, 2)
