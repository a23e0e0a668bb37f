# case:
from torch.nn import LSTM, GRU

__all__ = ["LSTM", "GRU"]

rnn = LSTM(8, 16)
# output
from torch.nn import LSTM, GRU
from rnnswap import JANET

__all__ = ["LSTM", "GRU"]

rnn = JANET(8, 16)
# report
1:22 RSW210 LSTM kept: imported for others to import or look up
5:7 RSW101 LSTM -> JANET
