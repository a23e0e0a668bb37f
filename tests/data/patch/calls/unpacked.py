# case:
from dataclasses import asdict

import torch.nn as nn


def build(config, args, sizes, **kwargs):
    a = nn.LSTM(8, 16, **kwargs)
    b = nn.LSTM(**asdict(config))
    c = nn.LSTM(*sizes, batch_first=True, **vars(args))
    return a, b, c, nn.LSTM(input_size=8, **{"hidden_size": 16}, **kwargs)
# output
from dataclasses import asdict

import torch.nn as nn
from rnnswap import JANET


def build(config, args, sizes, **kwargs):
    a = JANET(8, 16, **kwargs)
    b = JANET(**asdict(config))
    c = JANET(*sizes, batch_first=True, **vars(args))
    return a, b, c, JANET(input_size=8, **{"hidden_size": 16}, **kwargs)
# report
7:9 RSW101 nn.LSTM -> JANET
8:9 RSW101 nn.LSTM -> JANET
9:9 RSW101 nn.LSTM -> JANET
10:21 RSW101 nn.LSTM -> JANET
