# case:
import torch.nn as nn
from torch import nn as n


class Model(nn.Module):
    def forward(self, x):
        return self.nn.LSTM(x) + self.LSTM(x) + x.torch.nn.LSTM
