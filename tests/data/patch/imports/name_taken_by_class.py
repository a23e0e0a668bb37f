# case:
import torch.nn as nn


class JANET(nn.Module):
    pass


rnn = nn.LSTM(8, 16)
# output
import torch.nn as nn
from rnnswap import JANET as RnnswapJANET


class JANET(nn.Module):
    pass


rnn = RnnswapJANET(8, 16)
# report
8:7 RSW101 nn.LSTM -> RnnswapJANET
