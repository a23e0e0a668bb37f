# case: --cell lstm
from torch import nn
from rnnswap import JANET


class LSTM(nn.Module):
    pass


rnn = JANET(8, 16)
# output
from torch import nn


class LSTM(nn.Module):
    pass


rnn = nn.LSTM(8, 16)
# report
9:7 RSW101 JANET -> nn.LSTM
