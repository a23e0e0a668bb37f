# case:
import torch

nn, F = modules(torch)
a, *nn = torch.nn, torch
(n,) = *[torch.nn],
m, n = torch.nn, torch.nn, 3
b = [nn.LSTM(8, 16), a.LSTM(8, 16), n.LSTM(8, 16), m.LSTM(8, 16)]
# report
7:6 RSW202 nn.LSTM kept: what it leads to shows only at run time
