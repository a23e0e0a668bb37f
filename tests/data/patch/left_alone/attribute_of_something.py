# case:
import torch.nn as nn
from torch import nn as n


class Model(nn.Module):
    def forward(self, x):
        return self.nn.LSTM(x) + self.LSTM(x) + x.torch.nn.LSTM
# report
7:16 RSW202 self.nn.LSTM kept: what it leads to shows only at run time
7:49 RSW202 x.torch.nn.LSTM kept: what it leads to shows only at run time
