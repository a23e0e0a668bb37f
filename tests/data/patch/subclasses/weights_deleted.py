# case:
from torch import nn


class Dropped(nn.LSTM):
    def __init__(self, *args):
        super().__init__(*args)
        del self._flat_weights[0]
        self.flatten_parameters = lambda: None

    forward = lambda self, x: x
# report
4:15 RSW203 nn.LSTM kept: Dropped overrides forward
