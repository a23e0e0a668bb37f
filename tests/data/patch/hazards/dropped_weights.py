# case:
import torch
from torch import nn
from torch.nn import Parameter
from torch.nn.utils import weight_norm


class WeightDrop(nn.Module):
    def __init__(self, module, weights, dropout=0.0):
        super().__init__()
        self.module = module
        for name in weights:
            weight = getattr(self.module, name)
            del self.module._parameters[name]
            self.module.register_parameter(name + "_raw", Parameter(weight.data))


rnn = WeightDrop(nn.LSTM(8, 16), ["weight_hh_l0"], dropout=0.5)
normed = weight_norm(nn.LSTM(8, 16), "weight_hh_l0")
# output
import torch
from torch import nn
from torch.nn import Parameter
from torch.nn.utils import weight_norm
from rnnswap import JANET


class WeightDrop(nn.Module):
    def __init__(self, module, weights, dropout=0.0):
        super().__init__()
        self.module = module
        for name in weights:
            weight = getattr(self.module, name)
            del self.module._parameters[name]
            self.module.register_parameter(name + "_raw", Parameter(weight.data))


rnn = WeightDrop(JANET(8, 16), ["weight_hh_l0"], dropout=0.5)
normed = weight_norm(JANET(8, 16), "weight_hh_l0")
# report
13:13 RSW310 del self.module._parameters[name] takes a weight from janet
17:7 RSW310 WeightDrop(nn.LSTM(8, 16), ["weight_hh_l0"], dropout=0.5) meets janet's weight, of another shape
17:18 RSW101 nn.LSTM -> JANET
18:10 RSW310 weight_norm(nn.LSTM(8, 16), "weight_hh_l0") meets janet's weight, of another shape
18:22 RSW101 nn.LSTM -> JANET
