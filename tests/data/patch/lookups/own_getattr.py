# case:
from torch import nn


def getattr(owner, name):
    return name


x = getattr(nn, "LSTM")
