# case:
from enum import Enum

import torch
import torch.nn as nn
from torch.nn import LSTM


class Kind(Enum):
    LSTM = ("lstm", nn.LSTM)
    BOTH = (LSTM, nn.GRU)
    OTHER = torch.nn.LSTM

    def make(self, *args):
        return self.value[1](*args)
# output
from enum import Enum

import torch
import torch.nn as nn
from torch.nn import LSTM
from rnnswap import JANET


class Kind(Enum):
    LSTM = ("lstm", JANET)
    BOTH = (LSTM, nn.GRU)
    OTHER = JANET

    def make(self, *args):
        return self.value[1](*args)
# report
5:22 RSW210 LSTM kept: imported for others to import or look up
9:21 RSW102 nn.LSTM -> JANET
10:19 RSW215 nn.GRU kept: LSTM alone is replaced
11:13 RSW102 torch.nn.LSTM -> JANET
