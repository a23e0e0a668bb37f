# case:
from torch import nn


def forward(self, x):
    return x


class Patched(nn.LSTM):
    forward = forward
# report
8:15 RSW203 nn.LSTM kept: Patched overrides forward
