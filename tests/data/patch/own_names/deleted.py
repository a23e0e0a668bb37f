# case:
import torch.nn as nn
from rnnswap import JANET

del JANET
rnn = nn.LSTM(1, 2)
# output
import torch.nn as nn
from rnnswap import JANET
from rnnswap import JANET as RnnswapJANET

del JANET
rnn = RnnswapJANET(1, 2)
# report
5:7 RSW101 nn.LSTM -> RnnswapJANET
