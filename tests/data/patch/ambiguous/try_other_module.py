# case:
try:
    from apex import nn
except ImportError:
    from torch import nn

rnn = nn.LSTM(8, 16)
# report
6:7 RSW208 nn.LSTM kept: the name is bound in more than one way
