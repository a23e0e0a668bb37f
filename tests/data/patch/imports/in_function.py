# case:
def build():
    import torch.nn as nn

    return nn.LSTM(8, 16)
# output
def build():
    import torch.nn as nn
    from rnnswap import JANET

    return JANET(8, 16)
# report
4:12 RSW101 nn.LSTM -> JANET
