# case:
from torch import nn


def name(layer):
    match layer:
        case nn.LSTM():
            return "recurrent"
# output
from torch import nn
from rnnswap import JANET


def name(layer):
    match layer:
        case JANET():
            return "recurrent"
# report
6:14 RSW102 nn.LSTM -> JANET
