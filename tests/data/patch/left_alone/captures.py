# case:
import torch.nn as nn


def mapping(x):
    match x:
        case {"nn": nn}:
            return nn.LSTM(1, 2)


def sequence(x):
    match x:
        case [nn, *_]:
            return nn.LSTM(1, 2)
        case [_, *nn]:
            return nn.LSTM(1, 2)


def named(x):
    match x:
        case int() as nn:
            return nn.LSTM(1, 2)


def rest(x):
    match x:
        case {**nn}:
            return nn.LSTM(1, 2)
# report
7:20 RSW202 nn.LSTM kept: what it leads to shows only at run time
13:20 RSW202 nn.LSTM kept: what it leads to shows only at run time
15:20 RSW202 nn.LSTM kept: what it leads to shows only at run time
21:20 RSW202 nn.LSTM kept: what it leads to shows only at run time
27:20 RSW202 nn.LSTM kept: what it leads to shows only at run time
