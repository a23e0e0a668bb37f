# case:
def build(size):
    import torch.nn as nn

    def inner():
        nonlocal nn
        nn = other
        return nn.LSTM(size, 16)

    return nn.LSTM(size, 16)
# report
7:16 RSW208 nn.LSTM kept: the name is bound in more than one way
9:12 RSW208 nn.LSTM kept: the name is bound in more than one way
