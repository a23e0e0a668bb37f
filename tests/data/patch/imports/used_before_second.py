# case:
if early:
    from torch.nn import LSTM

    rnn = LSTM(1, 2)
import torch

other = torch.nn.LSTM(1, 2)
# output
from rnnswap import JANET
if early:

    rnn = JANET(1, 2)
import torch

other = JANET(1, 2)
# report
4:11 RSW101 LSTM -> JANET
7:9 RSW101 torch.nn.LSTM -> JANET
