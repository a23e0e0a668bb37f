# case: --cell mingru
from torch import nn


class Projected(nn.LSTM):
    def __init__(self):
        super().__init__(8, 16, proj_size=4)
# report
4:17 RSW201 nn.LSTM kept: mingru has no proj_size
