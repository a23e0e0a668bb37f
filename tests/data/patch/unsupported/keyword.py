# case: --cell mingru
from torch import nn

rnn = nn.LSTM(8, 16, batch_first=True)
odd = nn.LSTM(8, 16, proj_size=4)
# output
from torch import nn
from rnnswap_minrnn import MinGRU

rnn = MinGRU(8, 16, batch_first=True)
odd = nn.LSTM(8, 16, proj_size=4)
# report
3:7 RSW101 nn.LSTM -> MinGRU
4:7 RSW201 nn.LSTM kept: mingru has no proj_size
