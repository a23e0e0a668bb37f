# case:
from torch.nn import (LSTM,
                      GRU)
rnn = LSTM(8, 16)
gru = GRU(8, 16)
# output
from torch.nn import (GRU)
from rnnswap import JANET
rnn = JANET(8, 16)
gru = GRU(8, 16)
# report
3:7 RSW101 LSTM -> JANET
4:7 RSW215 GRU kept: LSTM alone is replaced
