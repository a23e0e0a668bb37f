# case: --cell indrnn-v2
from torch import nn

rnn = nn.LSTM(8, 16)
# output
from torch import nn
from rnnswap import IndRNNv2

rnn = IndRNNv2(8, 16)
# report
3:7 RSW101 nn.LSTM -> IndRNNv2
