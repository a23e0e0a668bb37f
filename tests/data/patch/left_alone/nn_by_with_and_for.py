# case:
import torch

with backend(torch) as nn:
    a = nn.LSTM(8, 16)
for nn in (torch.nn, other):
    b = nn.LSTM(8, 16)


def build(size, nn=torch.nn):
    return nn.LSTM(size, 16)
# report
4:9 RSW202 nn.LSTM kept: what it leads to shows only at run time
6:9 RSW202 nn.LSTM kept: what it leads to shows only at run time
10:12 RSW202 nn.LSTM kept: what it leads to shows only at run time
