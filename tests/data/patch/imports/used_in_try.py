# case:
import os

try:
    import torch.nn as nn

    rnn = nn.LSTM(1, 2)
except ImportError:
    from torch import nn

    rnn = nn.LSTM(1, 2)
# output
import os
from rnnswap import JANET

try:
    import torch.nn as nn

    rnn = JANET(1, 2)
except ImportError:
    from torch import nn

    rnn = JANET(1, 2)
# report
6:11 RSW101 nn.LSTM -> JANET
10:11 RSW101 nn.LSTM -> JANET
