# case:
try:
    from torch import nn
except ImportError:
    nn = None


def build():
    return nn.LSTM(8, 16)
# output
try:
    from torch import nn
    from rnnswap import JANET
except ImportError:
    nn = None


def build():
    return JANET(8, 16)
# report
8:12 RSW101 nn.LSTM -> JANET
