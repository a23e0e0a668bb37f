# case:
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)

    def forward(self, x):
        return torch.cat([self.rnn(x)[0], torch.zeros(1)])
# output
from torch import nn
from rnnswap import JANET


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = JANET(8, 16)

    def forward(self, x):
        return torch.cat([self.rnn(x)[0], torch.zeros(1)])
# report
7:20 RSW101 nn.LSTM -> JANET
