# case:
import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.zeros(4 * n, n))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(4 * n))
        self.bias_ih_l0.data[n : 2 * n] = 1
        del self.weight_ih_l0


for name, weight in Cell(3).named_parameters():
    nn.init.orthogonal_(weight)
