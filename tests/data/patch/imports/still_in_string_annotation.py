# case:
from torch.nn import LSTM


def build() -> "LSTM":
    return LSTM(8, 16)
# output
from torch.nn import LSTM
from rnnswap import JANET


def build() -> "LSTM":
    return JANET(8, 16)
# report
4:16 RSW211 LSTM kept: it stands in a string
5:12 RSW101 LSTM -> JANET
