# case:
import torch.nn as nn
from rnnswap import JANET

old = JANET(8, 16)
new = nn.LSTM(8, 16)
# output
import torch.nn as nn
from rnnswap import JANET

old = JANET(8, 16)
new = JANET(8, 16)
# report
5:7 RSW101 nn.LSTM -> JANET
