# case:
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, out, kind, seg_type):
        super().__init__()
        self.channels = [int(out / 8), int(out / 4), int(out / 2), out]
        self.conv = nn.Conv2d(out // 4, out // 2, 3, bias=False)
        self.norm = nn.LayerNorm(4 * out)
        self.norm.bias.data[out : 2 * out].fill_(1)
        self.rnn = nn.LSTM(out, out)
        self.name = self.__class__.__name__
        if kind == "LSTM" or seg_type in ("LSTM", "MLSTM_FCN"):
            self.head = nn.Linear(out, 2)


class OwnCell(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden, hidden))
        self.bias_hh = Parameter(torch.randn(4 * hidden))
# output
import torch.nn as nn
from rnnswap import JANET


class Model(nn.Module):
    def __init__(self, out, kind, seg_type):
        super().__init__()
        self.channels = [int(out / 8), int(out / 4), int(out / 2), out]
        self.conv = nn.Conv2d(out // 4, out // 2, 3, bias=False)
        self.norm = nn.LayerNorm(4 * out)
        self.norm.bias.data[out : 2 * out].fill_(1)
        self.rnn = JANET(out, out)
        self.name = self.__class__.__name__
        if kind == "LSTM" or seg_type in ("LSTM", "MLSTM_FCN"):
            self.head = nn.Linear(out, 2)


class OwnCell(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden, hidden))
        self.bias_hh = Parameter(torch.randn(4 * hidden))
# report
11:20 RSW101 nn.LSTM -> JANET
