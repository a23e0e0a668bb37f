# case:
import torch.nn as nn


def build(others):
    [(nn := other) for other in others]
    return nn.LSTM(1, 2)
# report
6:12 RSW202 nn.LSTM kept: what it leads to shows only at run time
