# case:
import torch as t

rnn = t.nn.LSTM(8, 16)
# output
import torch as t
from rnnswap import JANET

rnn = JANET(8, 16)
# report
3:7 RSW101 t.nn.LSTM -> JANET
