# case:
import torch.nn as nn


class Base(nn.RNNBase):
    def reset(self):
        self.reset_parameters()


class LSTM(Base, nn.LSTM):
    pass


class Other(Base, nn.LSTM, object):
    def __init__(self, *args):
        nn.LSTM.__init__(self, *args)
# report
9:18 RSW204 nn.LSTM kept: LSTM has other base classes beside it
13:19 RSW204 nn.LSTM kept: Other has other base classes beside it
15:9 RSW203 nn.LSTM kept: it belongs to Other, whose base is kept
