# case: --cell indrnn
from torch import nn

rnn = nn.LSTM(8, 16)
gates = rnn.weight_ih_l0.view(4, 16, 8)
forget = rnn.bias_hh_l0.data.reshape(4, -1)[1]
i, f, g, o = rnn.weight_hh_l0.chunk(4, 0)
image = picture.view(4, 16, 8).chunk(4)
# output
from torch import nn
from rnnswap import IndRNN

rnn = IndRNN(8, 16)
gates = rnn.weight_ih_l0.view(4, 16, 8)
forget = rnn.bias_hh_l0.data.reshape(4, -1)[1]
i, f, g, o = rnn.weight_hh_l0.chunk(4, 0)
image = picture.view(4, 16, 8).chunk(4)
# report
3:7 RSW101 nn.LSTM -> IndRNN
4:9 RSW301 rnn.weight_ih_l0.view(4, 16, 8) assumes LSTM's four gates; indrnn has others
5:10 RSW301 rnn.bias_hh_l0.data.reshape(4, -1) assumes LSTM's four gates; indrnn has others
6:14 RSW301 rnn.weight_hh_l0.chunk(4, 0) assumes LSTM's four gates; indrnn has others
