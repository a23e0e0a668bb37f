# case:
import torch
import torch.nn as nn
from torch.nn import LSTM


def a(layer=nn.LSTM, size=8):
    return layer(size, size)


def b(*, layer: type = LSTM):
    return layer(8, 16)


c = lambda layer=torch.nn.LSTM: layer(8, 16)
# output
import torch
import torch.nn as nn
from rnnswap import JANET


def a(layer=JANET, size=8):
    return layer(size, size)


def b(*, layer: type = JANET):
    return layer(8, 16)


c = lambda layer=JANET: layer(8, 16)
# report
6:13 RSW102 nn.LSTM -> JANET
10:24 RSW102 LSTM -> JANET
14:18 RSW102 torch.nn.LSTM -> JANET
