# case: --cell lstm
import torch as t
from rnnswap import JANET, JANETCell

rnn = JANET(8, 16)
step = JANETCell(8, 16)


def other(t):
    return t
# output
import torch as t

rnn = t.nn.LSTM(8, 16)
step = t.nn.LSTMCell(8, 16)


def other(t):
    return t
# report
4:7 RSW101 JANET -> t.nn.LSTM
5:8 RSW101 JANETCell -> t.nn.LSTMCell
