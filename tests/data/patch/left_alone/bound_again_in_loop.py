# case:
import torch.nn as nn

for other in others:
    rnn = nn.LSTM(1, 2)
    nn = other
# report
4:11 RSW208 nn.LSTM kept: the name is bound in more than one way
