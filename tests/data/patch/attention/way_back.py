# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET, with_attention


class Model(nn.Module):
    def __init__(self, cell: type = with_attention(JANET, "soft")):
        super().__init__()
        self.rnn = with_attention(JANET, "soft")(8, 16, t_max=784)
# output
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, cell: type = nn.LSTM):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)
# report
6:37 RSW102 with_attention(JANET, "soft") -> nn.LSTM
8:20 RSW101 with_attention(JANET, "soft") -> nn.LSTM
8:20 RSW305 t_max dropped: lstm does not take it
