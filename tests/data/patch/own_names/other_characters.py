# case:
import torch.nn as nn

ＪＡＮＥＴ = 1
rnn = nn.LSTM(1, 2)
# output
import torch.nn as nn
from rnnswap import JANET as RnnswapJANET

ＪＡＮＥＴ = 1
rnn = RnnswapJANET(1, 2)
# report
4:7 RSW101 nn.LSTM -> RnnswapJANET
