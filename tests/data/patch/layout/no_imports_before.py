# case:
# License.

def build():
    from torch.nn import LSTM as L
    class A:
        import torch.nn as nn
        rnn = nn.LSTM(1, 2)
    return L(8, 16)
# output
# License.

from rnnswap import JANET
def build():
    class A:
        import torch.nn as nn
        rnn = JANET(1, 2)
    return JANET(8, 16)
# report
7:15 RSW101 nn.LSTM -> JANET
8:12 RSW101 L -> JANET
