# case:
import torch.nn as nn
from torch.nn import LSTM

nn.LSTM.flatten_parameters = lambda self: None
rnn = nn.LSTM(8, 16)
other = LSTM(8, 16)


class Layer(nn.LSTM):
    pass
# report
4:1 RSW209 nn.LSTM kept: flatten_parameters of the class itself is used
5:7 RSW209 nn.LSTM kept: this file changes the class itself
6:9 RSW209 LSTM kept: this file changes the class itself
9:13 RSW209 nn.LSTM kept: this file changes the class itself
