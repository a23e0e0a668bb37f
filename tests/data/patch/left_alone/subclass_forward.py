# case:
from torch import nn


class Dropped(nn.LSTM):
    def forward(self, x, hx=None):
        assert isinstance(self, nn.LSTM)
        return super(nn.LSTM, self).forward(x, hx)
# report
4:15 RSW203 nn.LSTM kept: Dropped overrides forward
6:33 RSW203 nn.LSTM kept: it belongs to Dropped, whose base is kept
7:22 RSW203 nn.LSTM kept: it belongs to Dropped, whose base is kept
