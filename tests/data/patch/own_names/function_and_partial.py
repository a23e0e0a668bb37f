# case:
from functools import partial

import torch.nn as nn


@partial
def LSTM(size):
    return nn.GRU(size, size)


def other():
    LSTM = partial(nn.GRU, 8)
    return LSTM(16)


rnn = LSTM(8)
# report
8:12 RSW215 nn.GRU kept: LSTM alone is replaced
12:20 RSW215 nn.GRU kept: LSTM alone is replaced
