# case:
from torch.nn import LSTM


class LSTM(LSTM):
    pass


def build():
    return LSTM(8, 16)
# output
from torch.nn import LSTM
from rnnswap import JANET


class LSTM(JANET):
    pass


def build():
    return LSTM(8, 16)
# report
4:12 RSW103 LSTM -> JANET
9:12 RSW208 LSTM kept: the name is bound in more than one way
