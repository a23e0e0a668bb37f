# case: --cell indrnn
import torch.nn as nn

rnn = nn.LSTM(8, 16)
hidden = rnn.weight_hh_l0.size(1)
gates = rnn.weight_ih_l0.shape[0] // rnn.hidden_size
state = rnn.weight_hh_l0.data.new_zeros(1, 3, rnn.hidden_size)
other = rnn.bias_ih_l0.data.shape
head = nn.Linear(hidden, 2)
print(head.weight.shape, head.bias.size(0))
# output
import torch.nn as nn
from rnnswap import IndRNN

rnn = IndRNN(8, 16)
hidden = rnn.weight_hh_l0.size(1)
gates = rnn.weight_ih_l0.shape[0] // rnn.hidden_size
state = rnn.weight_hh_l0.data.new_zeros(1, 3, rnn.hidden_size)
other = rnn.bias_ih_l0.data.shape
head = nn.Linear(hidden, 2)
print(head.weight.shape, head.bias.size(0))
# report
3:7 RSW101 nn.LSTM -> IndRNN
4:10 RSW309 rnn.weight_hh_l0.size is another in indrnn
5:9 RSW309 rnn.weight_ih_l0.shape is another in indrnn
7:9 RSW309 rnn.bias_ih_l0.data.shape is another in indrnn
