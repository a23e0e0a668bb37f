# case:
import torch
import torch.nn as nn
from torch.nn.modules import rnn as layers


class Model(nn.Module):
    def __init__(self, config, kind="LSTM"):
        super().__init__()
        self.a = getattr(nn, config["rnn"].upper())(8, 16)
        self.b = getattr(torch.nn, kind)(8, 16)
        self.c = getattr(layers, "LSTM", None)(8, 16)
        self.d = getattr(torch, "nn").LSTM
# report
9:18 RSW202 getattr(nn, config["rnn"].upper()) kept: which class it is shows only at run time
10:18 RSW202 getattr(torch.nn, kind) kept: which class it is shows only at run time
11:18 RSW202 getattr(layers, "LSTM", None) kept: the class is looked up by getattr
12:18 RSW202 getattr(torch, "nn").LSTM kept: its module is looked up while the program runs
