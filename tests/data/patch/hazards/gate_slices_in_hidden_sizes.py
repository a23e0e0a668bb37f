# case:
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.LSTM(8, hidden)
        self.rnn.bias_ih_l0.data[hidden:2 * hidden].fill_(1)
        self.rnn.bias_hh_l0.data[hidden:hidden * 2] = 1
        with torch.no_grad():
            for name, param in self.rnn.named_parameters():
                if "bias" in name:
                    param[self.rnn.hidden_size : 2 * self.rnn.hidden_size].zero_()
        self.head = nn.Linear(2 * hidden, hidden)

    def forward(self, x, lengths):
        return self.head(x[:, : 2 * self.rnn.hidden_size])
# output
import torch
import torch.nn as nn
from rnnswap import JANET


class Tagger(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = JANET(8, hidden)
        self.rnn.bias_ih_l0.data[hidden:2 * hidden].fill_(1)
        self.rnn.bias_hh_l0.data[hidden:hidden * 2] = 1
        with torch.no_grad():
            for name, param in self.rnn.named_parameters():
                if "bias" in name:
                    param[self.rnn.hidden_size : 2 * self.rnn.hidden_size].zero_()
        self.head = nn.Linear(2 * hidden, hidden)

    def forward(self, x, lengths):
        return self.head(x[:, : 2 * self.rnn.hidden_size])
# report
8:20 RSW101 nn.LSTM -> JANET
9:9 RSW301 self.rnn.bias_ih_l0.data[hidden:2 * hidden] assumes LSTM's four gates; janet has others
10:9 RSW301 self.rnn.bias_hh_l0.data[hidden:hidden * 2] assumes LSTM's four gates; janet has others
14:21 RSW301 param[self.rnn.hidden_size : 2 * self.rnn.hidden_size] assumes LSTM's four gates; janet has others
