# case:
try:
    import torch
    import torch.nn as nn
except ImportError:
    torch = nn = None


def build():
    return nn.LSTM(8, 16)
# output
try:
    import torch
    import torch.nn as nn
    from rnnswap import JANET
except ImportError:
    torch = nn = None


def build():
    return JANET(8, 16)
# report
9:12 RSW101 nn.LSTM -> JANET
