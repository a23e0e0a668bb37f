# case:
import torch.nn as nn
from rnnswap import JANET as Cell

old = Cell(8, 16)
new = nn.LSTM(8, 16)
# output
import torch.nn as nn
from rnnswap import JANET as Cell

old = Cell(8, 16)
new = Cell(8, 16)
# report
5:7 RSW101 nn.LSTM -> Cell
