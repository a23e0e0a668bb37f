# case:
import torch
from torch import jit, nn
from torch.jit import script


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)


first = torch.jit.script(Model())
second = jit.script(Model())
third = script(Model())
traced = torch.jit.trace(Model(), x)
# output
import torch
from torch import jit, nn
from torch.jit import script
from rnnswap import JANET


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = JANET(8, 16)


first = torch.jit.script(Model())
second = jit.script(Model())
third = script(Model())
traced = torch.jit.trace(Model(), x)
# report
9:20 RSW101 nn.LSTM -> JANET
12:9 RSW312 torch.jit.script(Model()) cannot compile janet
13:10 RSW312 jit.script(Model()) cannot compile janet
14:9 RSW312 script(Model()) cannot compile janet
