# case:
"""Lazy."""
import sys


def build():
    from torch.nn import LSTM
    return LSTM(8, 16)


def other():
    import torch
    return torch.nn.LSTM(8, 16)
# output
"""Lazy."""
import sys
from rnnswap import JANET


def build():
    return JANET(8, 16)


def other():
    import torch
    return JANET(8, 16)
# report
7:12 RSW101 LSTM -> JANET
12:12 RSW101 torch.nn.LSTM -> JANET
