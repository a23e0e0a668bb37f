# case: --cell janet
from torch import nn

encoder = nn.LSTM(8, 16)
_, (h_n, c_n) = encoder(x)
# output
from torch import nn
from rnnswap import JANET

encoder = JANET(8, 16)
_, (h_n, c_n) = encoder(x)
# report
3:11 RSW101 nn.LSTM -> JANET
