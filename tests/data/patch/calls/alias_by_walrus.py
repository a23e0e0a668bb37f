# case:
import torch

if (nn := torch.nn) is not None:
    a = nn.LSTM(8, 16)
b = (kind := nn.LSTM)(8, 16)
# output
import torch
from rnnswap import JANET

if (nn := torch.nn) is not None:
    a = JANET(8, 16)
b = (kind := JANET)(8, 16)
# report
4:9 RSW101 nn.LSTM -> JANET
5:14 RSW102 nn.LSTM -> JANET
