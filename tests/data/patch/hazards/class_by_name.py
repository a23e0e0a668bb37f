# case:
import torch.nn as nn


def init(m):
    classname = m.__class__.__name__
    if classname.find("LSTM") != -1:
        m.reset_parameters()
    elif type(m).__name__ == "LSTM" or "LSTM" in classname:
        m.flatten_parameters()
    elif classname.startswith("Linear"):
        m.bias.data.zero_()


def build(kind, size):
    if kind == "LSTM":
        return nn.LSTM(size, size)
    if kind in ("LSTM", "GRU") or kind.startswith("LSTM"):
        return nn.GRU(size, size)
    raise ValueError(kind)
# output
import torch.nn as nn
from rnnswap import JANET


def init(m):
    classname = m.__class__.__name__
    if classname.find("LSTM") != -1:
        m.reset_parameters()
    elif type(m).__name__ == "LSTM" or "LSTM" in classname:
        m.flatten_parameters()
    elif classname.startswith("Linear"):
        m.bias.data.zero_()


def build(kind, size):
    if kind == "LSTM":
        return JANET(size, size)
    if kind in ("LSTM", "GRU") or kind.startswith("LSTM"):
        return nn.GRU(size, size)
    raise ValueError(kind)
# report
6:8 RSW311 classname.find("LSTM") does not see janet
8:10 RSW311 type(m).__name__ == "LSTM" does not see janet
8:40 RSW311 "LSTM" in classname does not see janet
16:16 RSW101 nn.LSTM -> JANET
18:16 RSW215 nn.GRU kept: LSTM alone is replaced
