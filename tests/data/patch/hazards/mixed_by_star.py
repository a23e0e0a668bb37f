# case:
from torch.nn import *
from torch.nn import LSTM as Layer

rnn = Layer(1, 2)
other = LSTM(1, 2)
print(isinstance(rnn, Layer))
# output
from torch.nn import *
from torch.nn import LSTM as Layer
from rnnswap import JANET

rnn = JANET(1, 2)
other = LSTM(1, 2)
print(isinstance(rnn, (Layer, JANET)))
# report
4:7 RSW101 Layer -> JANET
5:9 RSW206 LSTM kept: it comes through a star import
6:23 RSW102 Layer -> (Layer, JANET)
6:23 RSW306 tests both classes, as LSTM is still used in this file too
