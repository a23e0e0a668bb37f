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
