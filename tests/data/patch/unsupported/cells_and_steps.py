# case: --cell mingru
from torch.nn import LSTMCell
import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = nn.LSTMCell(8, 16)
        self.steps = nn.ModuleList(LSTMCell(n, n) for n in (1, 2))
        self.odd = nn.LSTM(8, 16, bias=True, proj_size=3)
# report
8:21 RSW207 nn.LSTMCell kept: mingru has no one-step class
9:36 RSW207 LSTMCell kept: mingru has no one-step class
10:20 RSW201 nn.LSTM kept: mingru has no proj_size
