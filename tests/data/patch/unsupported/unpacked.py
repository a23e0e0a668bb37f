# case: --cell mingru
from torch import nn


def build(config):
    return nn.LSTM(8, 16, **config)
# output
from torch import nn
from rnnswap_minrnn import MinGRU


def build(config):
    return MinGRU(8, 16, **config)
# report
5:12 RSW101 nn.LSTM -> MinGRU
5:12 RSW304 unpacked arguments may hold proj_size, which mingru does not take
