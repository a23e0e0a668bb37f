# case:
import tinygrad.nn as nn
from . import nn as local
from .nn import LSTM

a = nn.LSTM(8, 16)
b = local.LSTM(8, 16)
c = LSTM(8, 16)
