# case:
import torch

nn = torch.nn
rnn = nn.LSTM(8, 16)
# output
import torch
from rnnswap import JANET

nn = torch.nn
rnn = JANET(8, 16)
# report
4:7 RSW101 nn.LSTM -> JANET
