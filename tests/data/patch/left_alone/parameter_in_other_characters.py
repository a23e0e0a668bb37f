# case:
import torch.nn as nn


def build(ｎｎ):
    return nn.LSTM(1, 2)
# report
5:12 RSW208 nn.LSTM kept: the name also occurs in other characters
