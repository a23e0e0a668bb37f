# case:
import torch
import torch.nn as nn
from torch.nn import LSTM, LSTMCell

step = nn.LSTMCell(8, 16)
other = LSTMCell(8, hidden_size=16)
third = torch.nn.modules.rnn.LSTMCell(8, 16)
layer = LSTM(8, 16)
# output
import torch
import torch.nn as nn
from rnnswap import JANET, JANETCell

step = JANETCell(8, 16)
other = JANETCell(8, hidden_size=16)
third = JANETCell(8, 16)
layer = JANET(8, 16)
# report
5:8 RSW101 nn.LSTMCell -> JANETCell
6:9 RSW101 LSTMCell -> JANETCell
7:9 RSW101 torch.nn.modules.rnn.LSTMCell -> JANETCell
8:9 RSW101 LSTM -> JANET
