# case: --cell-arg t_max=784 --cell-arg beta=0.5
from torch import nn

CELLS = {"lstm": nn.LSTM}
rnn = nn.LSTM(8, 16)


class Layer(nn.LSTM):
    pass


def check(m: nn.LSTM):
    return isinstance(m, nn.LSTM)
# output
from torch import nn
from rnnswap import JANET

CELLS = {"lstm": JANET}
rnn = JANET(8, 16, t_max=784, beta=0.5)


class Layer(JANET):
    pass


def check(m: JANET):
    return isinstance(m, JANET)
# report
3:18 RSW102 nn.LSTM -> JANET
3:18 RSW303 t_max=784, beta=0.5 not written: nothing is constructed here
4:7 RSW101 nn.LSTM -> JANET
7:13 RSW103 nn.LSTM -> JANET
7:13 RSW303 t_max=784, beta=0.5 not written: nothing is constructed here
11:14 RSW102 nn.LSTM -> JANET
12:26 RSW102 nn.LSTM -> JANET
