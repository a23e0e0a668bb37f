# case:
import torch.nn as nn


def build(JANET=False):
    return nn.GRU(8, 16) if JANET else nn.LSTM(8, 16)
# output
import torch.nn as nn
from rnnswap import JANET as RnnswapJANET


def build(JANET=False):
    return nn.GRU(8, 16) if JANET else RnnswapJANET(8, 16)
# report
5:12 RSW215 nn.GRU kept: LSTM alone is replaced
5:40 RSW101 nn.LSTM -> RnnswapJANET
