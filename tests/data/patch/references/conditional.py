# case:
import torch.nn as nn
from functools import partial


def build(kind, *args):
    layer = (nn.LSTM if kind == "LSTM" else nn.GRU)(*args)
    return layer, partial(nn.LSTM, batch_first=True), lambda: nn.LSTM(8, 16)
# output
import torch.nn as nn
from functools import partial
from rnnswap import JANET


def build(kind, *args):
    layer = (JANET if kind == "LSTM" else nn.GRU)(*args)
    return layer, partial(JANET, batch_first=True), lambda: JANET(8, 16)
# report
6:14 RSW102 nn.LSTM -> JANET
6:45 RSW215 nn.GRU kept: LSTM alone is replaced
7:27 RSW102 nn.LSTM -> JANET
7:63 RSW101 nn.LSTM -> JANET
