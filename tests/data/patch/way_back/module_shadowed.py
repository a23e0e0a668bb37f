# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET


def build(nn):
    return JANET(8, 16)
# output
import torch.nn as nn
from torch.nn import LSTM


def build(nn):
    return LSTM(8, 16)
# report
6:12 RSW101 JANET -> LSTM
