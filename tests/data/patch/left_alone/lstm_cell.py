# case: --cell mingru
import torch.nn as nn
from torch.nn import LSTMCell

step = nn.LSTMCell(8, 16)
other = LSTMCell(8, 16)
# report
4:8 RSW207 nn.LSTMCell kept: mingru has no one-step class
5:9 RSW207 LSTMCell kept: mingru has no one-step class
