# case: --cell mingru
from torch import nn

odd = nn.LSTM(8, 16, 1, True, False, 0.0, False, 4)
# report
3:7 RSW201 nn.LSTM kept: mingru has no proj_size
