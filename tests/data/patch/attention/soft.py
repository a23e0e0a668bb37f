# case: --attention soft
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, cell: type = nn.LSTM):
        super().__init__()
        self.rnn = nn.LSTM(8, 16, batch_first=True)
# output
import torch.nn as nn
from rnnswap import JANET, with_attention


class Model(nn.Module):
    def __init__(self, cell: type = with_attention(JANET, "soft")):
        super().__init__()
        self.rnn = with_attention(JANET, "soft")(8, 16, batch_first=True)
# report
5:37 RSW102 nn.LSTM -> with_attention(JANET, "soft")
7:20 RSW101 nn.LSTM -> with_attention(JANET, "soft")
