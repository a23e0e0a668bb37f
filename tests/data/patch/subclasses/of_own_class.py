# case:
import torch
from torch import nn


class LSTM(nn.Module):
    pass


class Stacked(LSTM):
    def __init__(self):
        LSTM.__init__(self)


def check(x: LSTM, kinds=(LSTM, nn.Linear)):
    return isinstance(x, LSTM) or type(x) is LSTM
