# case:
from ..imports import *


class RNN(Module):
    _cell = nn.LSTM
# report
5:13 RSW206 nn.LSTM kept: nn can come through a star import alone
