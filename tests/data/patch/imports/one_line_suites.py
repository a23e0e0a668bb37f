# case:
def loop(items):
    for i in items: from torch.nn import LSTM; x = LSTM(i, 2)
    return x


def guarded(lock):
    with lock: import torch.nn as nn; x = nn.LSTM(1, 2)
    return x
# output
from rnnswap import JANET
def loop(items):
    for i in items: x = JANET(i, 2)
    return x


def guarded(lock):
    with lock: import torch.nn as nn; x = JANET(1, 2)
    return x
# report
2:52 RSW101 LSTM -> JANET
7:43 RSW101 nn.LSTM -> JANET
