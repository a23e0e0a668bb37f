# case:
import torch.nn
from torch import nn
from torch.nn import LSTM


def a(nn):
    return nn.LSTM(8, 16)


def b(torch):
    return torch.nn.LSTM(8, 16)


def c(LSTM):
    return LSTM(8, 16)


keep = [LSTM for LSTM in range(3)]
# report
3:22 RSW210 LSTM kept: imported for others to import or look up
7:12 RSW202 nn.LSTM kept: what it leads to shows only at run time
11:12 RSW202 torch.nn.LSTM kept: what it leads to shows only at run time
