# case: --cell-arg t_max=784
from torch import nn

a = nn.LSTM(8, 16)
b = nn.LSTM()
c = nn.LSTM(8, 16,)
d = nn.LSTM(
    8,
    16,  # hidden
)
e = nn.LSTM(
    input_size=8,
    hidden_size=16
)
f = nn.LSTM(8,
            16)
g = nn.LSTM(*sizes, **config)
# output
from torch import nn
from rnnswap import JANET

a = JANET(8, 16, t_max=784)
b = JANET(t_max=784)
c = JANET(8, 16, t_max=784,)
d = JANET(
    8,
    16,  # hidden
    t_max=784,
)
e = JANET(
    input_size=8,
    hidden_size=16,
    t_max=784
)
f = JANET(8,
            16, t_max=784)
g = JANET(*sizes, **config, t_max=784)
# report
3:5 RSW101 nn.LSTM -> JANET
4:5 RSW101 nn.LSTM -> JANET
5:5 RSW101 nn.LSTM -> JANET
6:5 RSW101 nn.LSTM -> JANET
10:5 RSW101 nn.LSTM -> JANET
14:5 RSW101 nn.LSTM -> JANET
16:5 RSW101 nn.LSTM -> JANET
