# case:
from torch import nn

settings = dict(LSTM=1, nn=nn.GRU)
settings["LSTM"] = nn.GRU(8, 16)
# report
3:28 RSW215 nn.GRU kept: LSTM alone is replaced
4:20 RSW215 nn.GRU kept: LSTM alone is replaced
