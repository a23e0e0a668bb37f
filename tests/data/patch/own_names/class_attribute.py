# case:
from torch import nn


class Cells:
    LSTM = nn.GRU
    kinds = (LSTM,)

    def make(self):
        return self.LSTM(8, 16), Cells.LSTM(8, 16)
# report
5:12 RSW215 nn.GRU kept: LSTM alone is replaced
