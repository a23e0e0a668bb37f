# case:
import torch
from torch.nn import LSTM

rnn = LSTM(8, 16, num_layers=2)
# output
import torch
from rnnswap import JANET

rnn = JANET(8, 16, num_layers=2)
# report
4:7 RSW101 LSTM -> JANET
