# case:
from layers import *
from torch.nn import GRU, LSTM
from math import *
from numpy import *
from torch import *

rnn = LSTM(8, 16)
other = GRU(8, 16)
# output
from layers import *
from torch.nn import GRU
from math import *
from numpy import *
from torch import *
from rnnswap import JANET

rnn = JANET(8, 16)
other = GRU(8, 16)
# report
7:7 RSW101 LSTM -> JANET
8:9 RSW215 GRU kept: LSTM alone is replaced
