# case: --cell mingru
from torch import nn


class Step(nn.LSTMCell):
    pass
# report
4:12 RSW207 nn.LSTMCell kept: mingru has no one-step class
