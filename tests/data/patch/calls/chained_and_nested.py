# case:
"""A model."""
from __future__ import annotations

import torch.nn as nn


class Model(nn.Module):
    def __init__(self, sizes, **kwargs):
        super().__init__()
        self.first = nn.LSTM(8, 16, **kwargs).to("cpu")  # the encoder
        self.rest = nn.ModuleList([nn.LSTM(s, s) for s in sizes])
        self.named = nn.ModuleDict({"lstm": nn.LSTM(8, 16), "gru": nn.GRU(8, 16)})
        self.both = nn.Sequential(
            nn.LSTM(
                8,
                16,  # hidden
            ),
        )
# output
"""A model."""
from __future__ import annotations

import torch.nn as nn
from rnnswap import JANET


class Model(nn.Module):
    def __init__(self, sizes, **kwargs):
        super().__init__()
        self.first = JANET(8, 16, **kwargs).to("cpu")  # the encoder
        self.rest = nn.ModuleList([JANET(s, s) for s in sizes])
        self.named = nn.ModuleDict({"lstm": JANET(8, 16), "gru": nn.GRU(8, 16)})
        self.both = nn.Sequential(
            JANET(
                8,
                16,  # hidden
            ),
        )
# report
10:22 RSW101 nn.LSTM -> JANET
11:36 RSW101 nn.LSTM -> JANET
12:45 RSW101 nn.LSTM -> JANET
12:68 RSW215 nn.GRU kept: LSTM alone is replaced
14:13 RSW101 nn.LSTM -> JANET
