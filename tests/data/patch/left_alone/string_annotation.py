# case:
from torch import nn


def build(rnn: "nn.LSTM") -> "nn.LSTM":
    return rnn
# report
4:16 RSW211 nn.LSTM kept: it stands in a string
4:30 RSW211 nn.LSTM kept: it stands in a string
