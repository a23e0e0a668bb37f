# case:
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)
        for names in self.rnn._all_weights:
            for name in filter(lambda n: "bias" in n, names):
                bias = getattr(self.rnn, name)
                n = bias.size(0)
                bias.data[n // 4:n // 2].fill_(1.0)


def other(model, channels):
    return channels // 4, channels // 2
# output
import torch.nn as nn
from rnnswap import JANET


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = JANET(8, 16)
        for names in self.rnn._all_weights:
            for name in filter(lambda n: "bias" in n, names):
                bias = getattr(self.rnn, name)
                n = bias.size(0)
                bias.data[n // 4:n // 2].fill_(1.0)


def other(model, channels):
    return channels // 4, channels // 2
# report
7:20 RSW101 nn.LSTM -> JANET
8:22 RSW307 self.rnn._all_weights janet's are of other shapes than LSTM's
12:27 RSW301 n // 4 assumes LSTM's four gates; janet has others
