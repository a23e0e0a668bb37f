# case:
from torch import nn

größe = "ä"; netz = nn.LSTM(8, 16)  # ein Netz für Wörter 网络
# output
from torch import nn
from rnnswap import JANET

größe = "ä"; netz = JANET(8, 16)  # ein Netz für Wörter 网络
# report
3:21 RSW101 nn.LSTM -> JANET
