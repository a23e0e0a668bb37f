# case:
import torch.nn as nn
from cells import *

rnn = nn.LSTM(8, 16)
other = JANET(8, 16)
# output
import torch.nn as nn
from cells import *
from rnnswap import JANET as RnnswapJANET

rnn = RnnswapJANET(8, 16)
other = JANET(8, 16)
# report
4:7 RSW101 nn.LSTM -> RnnswapJANET
