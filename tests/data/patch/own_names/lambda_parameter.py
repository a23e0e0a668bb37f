# case:
from torch import nn

build = lambda LSTM, nn: (LSTM(8), nn.LSTM(8))
# report
3:36 RSW202 nn.LSTM kept: what it leads to shows only at run time
