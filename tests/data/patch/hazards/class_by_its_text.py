# case:
from torch import nn

rnn = nn.LSTM(8, 16)


def is_recurrent(layer):
    return "LSTM" in str(layer.__class__) or "LSTM" in repr(layer.inner.__class__)


def is_text(layer):
    return "LSTM" in str(layer.label)
# output
from torch import nn
from rnnswap import JANET

rnn = JANET(8, 16)


def is_recurrent(layer):
    return "LSTM" in str(layer.__class__) or "LSTM" in repr(layer.inner.__class__)


def is_text(layer):
    return "LSTM" in str(layer.label)
# report
3:7 RSW101 nn.LSTM -> JANET
7:12 RSW311 "LSTM" in str(layer.__class__) does not see janet
7:46 RSW311 "LSTM" in repr(layer.inner.__class__) does not see janet
