# case: --cell mingru
from torch import nn

odd = nn.LSTM(8, 16, proj_size=4)
print(isinstance(odd, nn.LSTM))
# output
from torch import nn
from rnnswap_minrnn import MinGRU

odd = nn.LSTM(8, 16, proj_size=4)
print(isinstance(odd, (nn.LSTM, MinGRU)))
# report
3:7 RSW201 nn.LSTM kept: mingru has no proj_size
4:23 RSW102 nn.LSTM -> (nn.LSTM, MinGRU)
4:23 RSW306 tests both classes, as LSTM is still used in this file too
