# case:
if 1: from torch.nn import LSTM; x = LSTM(1, 2)
if 2: from torch.nn import LSTM; y = LSTM(1, 2)
# output
from rnnswap import JANET
if 1: x = JANET(1, 2)
if 2: y = JANET(1, 2)
# report
1:38 RSW101 LSTM -> JANET
2:38 RSW101 LSTM -> JANET
