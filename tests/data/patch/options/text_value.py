# case: --cell indrnn --cell-arg nonlinearity=tanh
from torch import nn

rnn = nn.LSTM(8, 16)
# output
from torch import nn
from rnnswap import IndRNN

rnn = IndRNN(8, 16, nonlinearity='tanh')
# report
3:7 RSW101 nn.LSTM -> IndRNN
