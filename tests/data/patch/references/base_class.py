# case:
from torch import nn


class Encoder(nn.LSTM):
    def __init__(self, size):
        nn.LSTM.__init__(self, size, size)
# output
from torch import nn
from rnnswap import JANET


class Encoder(JANET):
    def __init__(self, size):
        JANET.__init__(self, size, size)
# report
4:15 RSW103 nn.LSTM -> JANET
6:9 RSW102 nn.LSTM -> JANET
