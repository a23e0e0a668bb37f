# case:
import torch
from torch import nn
from torch.nn import LSTM, GRU

a = nn.LSTM(8, 16).to(device)
b = torch.nn.LSTM(8, 16, num_layers=2).cuda().half()
c = LSTM(
    8,
    16,
).double().requires_grad_(False)
d, state = LSTM(8, 16)(x)
e = (GRU if small else LSTM)(8, 16).eval()
torch.nn.LSTM(8, 16)(x)[0][:, -1].sum().backward()
# output
import torch
from torch import nn
from torch.nn import GRU
from rnnswap import JANET

a = JANET(8, 16).to(device)
b = JANET(8, 16, num_layers=2).cuda().half()
c = JANET(
    8,
    16,
).double().requires_grad_(False)
d, state = JANET(8, 16)(x)
e = (GRU if small else JANET)(8, 16).eval()
JANET(8, 16)(x)[0][:, -1].sum().backward()
# report
5:5 RSW101 nn.LSTM -> JANET
6:5 RSW101 torch.nn.LSTM -> JANET
7:5 RSW101 LSTM -> JANET
11:12 RSW101 LSTM -> JANET
12:6 RSW215 GRU kept: LSTM alone is replaced
12:24 RSW102 LSTM -> JANET
13:1 RSW101 torch.nn.LSTM -> JANET
