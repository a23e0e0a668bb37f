# case:
try:
    import torch.nn as nn
except ImportError:
    class nn:
        LSTM = None


def build():
    return nn.LSTM(8, 16)
# report
9:12 RSW208 nn.LSTM kept: the name is bound in more than one way
