# case:
import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight_hh = nn.Parameter(torch.zeros(4 * n, n))
        for name, param in self.named_parameters():
            nn.init.orthogonal_(param)
        self.bias_hh = torch.zeros(4 * n)
        self.bias_hh[n : 2 * n] = 1
        del self.weight_hh


scripted = torch.jit.script(LSTM(3))
