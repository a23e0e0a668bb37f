# case:
from torch import nn

settings = dict(LSTM=1, nn=nn.GRU)
settings["LSTM"] = nn.GRU(8, 16)
