# case: --attention soft
from torch import nn


def name(layer):
    match layer:
        case nn.LSTM():
            return "recurrent"
# report
6:14 RSW212 nn.LSTM kept: a pattern cannot spell it
