# case:
import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, size):
        super(LSTM, self).__init__()
        self.gru = nn.GRU(size, size)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = LSTM(8)
        self.rnns = [LSTM(n) for n in (1, 2)]
# report
8:20 RSW215 nn.GRU kept: LSTM alone is replaced
