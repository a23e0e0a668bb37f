# case:
from torch.nn import *

rnn = LSTM(8, 16)
# report
3:7 RSW206 LSTM kept: it comes through a star import
