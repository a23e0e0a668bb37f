# case:
import torch.nn as nn


def build():
    rnn = nn.LSTM(1, 2)
    from rnnswap import JANET

    return rnn, JANET(1, 2)
# output
import torch.nn as nn
from rnnswap import JANET as RnnswapJANET


def build():
    rnn = RnnswapJANET(1, 2)
    from rnnswap import JANET

    return rnn, JANET(1, 2)
# report
5:11 RSW101 nn.LSTM -> RnnswapJANET
