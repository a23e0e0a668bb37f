# case:
from torch import nn


def build():
    from mine import nn
    return nn.LSTM(8, 16)


def other():
    class nn:
        LSTM = dict
    return nn.LSTM(a=1)
