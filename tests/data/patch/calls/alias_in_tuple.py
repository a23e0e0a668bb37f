# case:
import torch

nn, F = torch.nn, torch.nn.functional
[n, optim] = [torch.nn, torch.optim]
a = nn.LSTM(8, 16)
b = n.LSTM(8, 16)
# output
import torch
from rnnswap import JANET

nn, F = torch.nn, torch.nn.functional
[n, optim] = [torch.nn, torch.optim]
a = JANET(8, 16)
b = JANET(8, 16)
# report
5:5 RSW101 nn.LSTM -> JANET
6:5 RSW101 n.LSTM -> JANET
