# case:
import torch.nn


class torch:
    class nn:
        LSTM = dict


def build():
    return torch.nn.LSTM(a=1)
# report
10:12 RSW208 torch.nn.LSTM kept: the name is bound in more than one way
