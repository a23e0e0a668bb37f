# case:
from collections import OrderedDict

import torch.nn as nn
from torch.nn import LSTM, ModuleDict, ModuleList, Sequential

a = nn.ModuleList([nn.LSTM(8, 16), nn.LSTM(16, 16)])
b = ModuleList(LSTM(n, n) for n in sizes)
c = nn.ModuleList()
c.append(nn.LSTM(8, 16))
d = nn.ModuleDict({name: nn.LSTM(8, 16) for name in names})
e = ModuleDict([["lstm", LSTM(8, 16)]])
f = nn.ModuleDict(dict(lstm=nn.LSTM(8, 16)))
g = nn.Sequential(nn.LSTM(8, 16), nn.ReLU())
h = Sequential(OrderedDict([("rnn", LSTM(8, 16)), ("act", nn.ReLU())]))
i = nn.Sequential(*[nn.LSTM(8, 8) for _ in range(3)])
setattr(model, "rnn", nn.LSTM(8, 16))
model.add_module("rnn", LSTM(8, 16))
# output
from collections import OrderedDict

import torch.nn as nn
from torch.nn import ModuleDict, ModuleList, Sequential
from rnnswap import JANET

a = nn.ModuleList([JANET(8, 16), JANET(16, 16)])
b = ModuleList(JANET(n, n) for n in sizes)
c = nn.ModuleList()
c.append(JANET(8, 16))
d = nn.ModuleDict({name: JANET(8, 16) for name in names})
e = ModuleDict([["lstm", JANET(8, 16)]])
f = nn.ModuleDict(dict(lstm=JANET(8, 16)))
g = nn.Sequential(JANET(8, 16), nn.ReLU())
h = Sequential(OrderedDict([("rnn", JANET(8, 16)), ("act", nn.ReLU())]))
i = nn.Sequential(*[JANET(8, 8) for _ in range(3)])
setattr(model, "rnn", JANET(8, 16))
model.add_module("rnn", JANET(8, 16))
# report
6:20 RSW101 nn.LSTM -> JANET
6:36 RSW101 nn.LSTM -> JANET
7:16 RSW101 LSTM -> JANET
9:10 RSW101 nn.LSTM -> JANET
10:26 RSW101 nn.LSTM -> JANET
11:26 RSW101 LSTM -> JANET
12:29 RSW101 nn.LSTM -> JANET
13:19 RSW101 nn.LSTM -> JANET
14:37 RSW101 LSTM -> JANET
15:21 RSW101 nn.LSTM -> JANET
16:23 RSW101 nn.LSTM -> JANET
17:25 RSW101 LSTM -> JANET
