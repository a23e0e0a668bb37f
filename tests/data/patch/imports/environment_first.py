# case:
import os

os.environ["CUDA_VISIBLE_DEVICES"] = "0"

import torch
from torch import nn

rnn = nn.LSTM(8, 16)
# output
import os

os.environ["CUDA_VISIBLE_DEVICES"] = "0"

import torch
from torch import nn
from rnnswap import JANET

rnn = JANET(8, 16)
# report
8:7 RSW101 nn.LSTM -> JANET
