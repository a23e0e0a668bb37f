# case:
import torch

rnn = torch.nn.LSTM(8, 16)
# output
import torch
from rnnswap import JANET

rnn = JANET(8, 16)
# report
3:7 RSW101 torch.nn.LSTM -> JANET
