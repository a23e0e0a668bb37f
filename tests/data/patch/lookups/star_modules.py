# case:
from torch.nn.modules.rnn import *

rnn = LSTM(8, 16)


def f(x: LSTM):
    return isinstance(x, LSTM)
# report
3:7 RSW206 LSTM kept: it comes through a star import
6:10 RSW206 LSTM kept: it comes through a star import
7:26 RSW206 LSTM kept: it comes through a star import
