# case:
import torch.nn as nn


def choose(other):
    global nn
    nn = other


rnn = nn.LSTM(8, 16)
# report
9:7 RSW208 nn.LSTM kept: the name is bound in more than one way
