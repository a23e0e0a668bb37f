# case: --attention soft
from torch import nn

step = nn.LSTMCell(8, 16)
# report
3:8 RSW207 nn.LSTMCell kept: attention needs a layer, not a single step
