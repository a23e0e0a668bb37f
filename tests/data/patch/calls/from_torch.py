# case:
import torch
from torch import nn
import numpy as np

rnn = nn.LSTM(input_size=8, hidden_size=16)
# output
import torch
from torch import nn
import numpy as np
from rnnswap import JANET

rnn = JANET(input_size=8, hidden_size=16)
# report
5:7 RSW101 nn.LSTM -> JANET
