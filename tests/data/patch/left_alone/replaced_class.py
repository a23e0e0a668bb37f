# case:
import torch.nn as nn

from mine import MyLSTM

nn.LSTM = MyLSTM
rnn = nn.LSTM(8, 16)
# report
5:1 RSW209 nn.LSTM kept: the class itself is assigned to or deleted
6:7 RSW208 nn.LSTM kept: this file assigns something else to the class's name
