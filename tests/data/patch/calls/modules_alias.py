# case:
import torch.nn.modules as modules
from torch.nn.modules import rnn
import torch.nn.modules.rnn as r

first = modules.LSTM(8, 16)
second = rnn.LSTM(8, 16)
third = r.LSTM(8, 16)
fourth = modules.rnn.LSTM(8, 16)
# output
import torch.nn.modules as modules
from torch.nn.modules import rnn
import torch.nn.modules.rnn as r
from rnnswap import JANET

first = JANET(8, 16)
second = JANET(8, 16)
third = JANET(8, 16)
fourth = JANET(8, 16)
# report
5:9 RSW101 modules.LSTM -> JANET
6:10 RSW101 rnn.LSTM -> JANET
7:9 RSW101 r.LSTM -> JANET
8:10 RSW101 modules.rnn.LSTM -> JANET
