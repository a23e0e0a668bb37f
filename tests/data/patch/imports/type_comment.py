# case:
from torch.nn import LSTM


def build(size, layers):
    # type: (int, list) -> LSTM
    return LSTM(size, 16)
# output
from torch.nn import LSTM
from rnnswap import JANET


def build(size, layers):
    # type: (int, list) -> LSTM
    return JANET(size, 16)
# report
1:22 RSW210 LSTM kept: imported for others to import or look up
6:12 RSW101 LSTM -> JANET
