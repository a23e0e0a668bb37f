# case:
from torch.nn import (
    LSTM,  # the cell
    GRU,
)

rnn = LSTM(8, 16)
gru = GRU(8, 16)
# output
from torch.nn import (
    LSTM,  # the cell
    GRU,
)
from rnnswap import JANET

rnn = JANET(8, 16)
gru = GRU(8, 16)
# report
6:7 RSW101 LSTM -> JANET
7:7 RSW215 GRU kept: LSTM alone is replaced
