# case:
import torch
import torch.nn as nn

if torch.cuda.is_available():
    nn = wrap(nn)
rnn = nn.LSTM(8, 16)
# report
6:7 RSW208 nn.LSTM kept: the name is bound in more than one way
