# case:
from torch import nn


class Reset(nn.LSTM):
    def reset_parameters(self):
        nn.LSTM.reset_parameters(self)
        self.bias_ih_l0.data.zero_()


class Again(nn.LSTM):
    step = nn.LSTM.forward

    def is_like(self, layer):
        return isinstance(layer, nn.LSTM)


class Named(nn.LSTM):
    def __init__(self, size):
        nn.LSTM.__init__(self, size, 16)
        self.name = nn.LSTM.__name__
# output
from torch import nn
from rnnswap import JANET


class Reset(nn.LSTM):
    def reset_parameters(self):
        nn.LSTM.reset_parameters(self)
        self.bias_ih_l0.data.zero_()


class Again(nn.LSTM):
    step = nn.LSTM.forward

    def is_like(self, layer):
        return isinstance(layer, nn.LSTM)


class Named(JANET):
    def __init__(self, size):
        JANET.__init__(self, size, 16)
        self.name = JANET.__name__
# report
4:13 RSW203 nn.LSTM kept: Reset uses reset_parameters of the class itself
6:9 RSW203 nn.LSTM kept: it belongs to Reset, whose base is kept
10:13 RSW203 nn.LSTM kept: Again uses forward of the class itself
11:12 RSW203 nn.LSTM kept: it belongs to Again, whose base is kept
14:34 RSW203 nn.LSTM kept: it belongs to Again, whose base is kept
17:13 RSW103 nn.LSTM -> JANET
19:9 RSW102 nn.LSTM -> JANET
20:21 RSW102 nn.LSTM -> JANET
