# case:
import torch.nn as nn

x = torch.zeros(3)
rnn = torch.nn.LSTM(8, 16)
# report
4:7 RSW206 torch.nn.LSTM kept: no import in this file binds torch
