# case:
import torch.nn as nn


def forward(self, x):
    return x


nn.LSTM.forward = forward
nn.LSTM = object
del nn.LSTM
print(nn.LSTM.flatten_parameters)
# report
8:1 RSW208 nn.LSTM kept: this file assigns something else to the class's name
9:1 RSW209 nn.LSTM kept: the class itself is assigned to or deleted
10:5 RSW209 nn.LSTM kept: the class itself is assigned to or deleted
11:7 RSW208 nn.LSTM kept: this file assigns something else to the class's name
