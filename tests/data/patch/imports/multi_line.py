# case:
from torch.nn import (
    Dropout,
    Linear,
    LSTM,
)

rnn = LSTM(8, 16)
drop = Dropout(0.5)
# output
from torch.nn import (
    Dropout,
    Linear,
)
from rnnswap import JANET

rnn = JANET(8, 16)
drop = Dropout(0.5)
# report
7:7 RSW101 LSTM -> JANET
