# case:
from torch import nn


class Mixin(nn.RNNBase):
    pass


class Both(Mixin, nn.LSTM):
    pass
# report
8:19 RSW204 nn.LSTM kept: Both has other base classes beside it
