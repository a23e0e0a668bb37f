# case:
import torch
from torch import nn
from torch.nn import LSTM


def init(m):
    if isinstance(m, LSTM):
        return 1
    if isinstance(m, (nn.Linear, torch.nn.LSTM, nn.Embedding)):
        return 2
    if issubclass(type(m), nn.LSTM) and not isinstance(m, nn.LSTM | nn.GRU):
        return 3
    return type(m) == nn.LSTM or m.__class__ is LSTM or type(m) in {nn.LSTM, nn.GRU}
# output
import torch
from torch import nn
from rnnswap import JANET


def init(m):
    if isinstance(m, JANET):
        return 1
    if isinstance(m, (nn.Linear, JANET, nn.Embedding)):
        return 2
    if issubclass(type(m), JANET) and not isinstance(m, JANET | nn.GRU):
        return 3
    return type(m) == JANET or m.__class__ is JANET or type(m) in {JANET, nn.GRU}
# report
7:22 RSW102 LSTM -> JANET
9:34 RSW102 torch.nn.LSTM -> JANET
11:28 RSW102 nn.LSTM -> JANET
11:59 RSW102 nn.LSTM -> JANET
13:23 RSW102 nn.LSTM -> JANET
13:49 RSW102 LSTM -> JANET
13:69 RSW102 nn.LSTM -> JANET
