# case:
import torch


def name(layer):
    match layer:
        case torch.nn.LSTM | torch.nn.GRU:
            return 1
        case {"LSTM": _}:
            return 2
# report
6:14 RSW212 torch.nn.LSTM kept: a pattern cannot spell it
