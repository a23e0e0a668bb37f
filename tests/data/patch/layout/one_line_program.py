# case:
import torch.nn as nn; m = nn.Sequential(nn.Linear(2, 2)); r = nn.LSTM(1, 2)
# output
from rnnswap import JANET
import torch.nn as nn; m = nn.Sequential(nn.Linear(2, 2)); r = JANET(1, 2)
# report
1:64 RSW101 nn.LSTM -> JANET
