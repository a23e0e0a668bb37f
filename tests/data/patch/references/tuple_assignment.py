# case:
from torch.nn import LSTM, GRU

if swap:
    LSTM, GRU = GRU, LSTM
rnn = LSTM(8, 16)
# output
from torch.nn import LSTM, GRU
from rnnswap import JANET

if swap:
    LSTM, GRU = GRU, JANET
rnn = LSTM(8, 16)
# report
4:17 RSW215 GRU kept: LSTM alone is replaced
4:22 RSW102 LSTM -> JANET
5:7 RSW208 LSTM kept: the name is bound in more than one way
