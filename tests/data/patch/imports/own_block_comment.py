# case:
import os
# recurrent layers
from torch.nn import LSTM
# the rest
import torch.nn as nn

a = nn.LSTM(8, 16)
b = LSTM(8, 16)
# output
import os
# recurrent layers
from rnnswap import JANET
# the rest
import torch.nn as nn

a = JANET(8, 16)
b = JANET(8, 16)
# report
7:5 RSW101 nn.LSTM -> JANET
8:5 RSW101 LSTM -> JANET
