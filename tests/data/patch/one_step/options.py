# case: --cell-arg t_max=784
from torch import nn

step = nn.LSTMCell(8, 16)
layer = nn.LSTM(8, 16)
# output
from torch import nn
from rnnswap import JANET, JANETCell

step = JANETCell(8, 16, t_max=784)
layer = JANET(8, 16, t_max=784)
# report
3:8 RSW101 nn.LSTMCell -> JANETCell
4:9 RSW101 nn.LSTM -> JANET
