# case:
a = nn.LSTM(8, 16)
import torch.nn as nn


def build():
    return torch.nn.LSTM(8, 16)


def load():
    import torch
# report
1:5 RSW206 nn.LSTM kept: nn is bound only further down or elsewhere
6:12 RSW206 torch.nn.LSTM kept: torch is bound only further down or elsewhere
