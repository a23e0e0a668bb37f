# case:
from types import ModuleType

import torch

layers: ModuleType = torch.nn
rnn = layers.LSTM(8, 16)
# output
from types import ModuleType

import torch
from rnnswap import JANET

layers: ModuleType = torch.nn
rnn = JANET(8, 16)
# report
6:7 RSW101 layers.LSTM -> JANET
