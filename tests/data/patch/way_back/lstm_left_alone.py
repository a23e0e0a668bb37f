# case: --cell lstm
import torch.nn as nn
from torch.nn import LSTM

a = nn.LSTM(8, 16)
b = LSTM(8, 16)
