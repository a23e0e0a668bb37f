# case: --cell-arg t_max=784
import functools as ft
from functools import partial

from torch import nn

a = partial(nn.LSTM, 8, batch_first=True)
b = ft.partial(nn.LSTM, hidden_size=16)
c = field(default_factory=partial(nn.LSTM, 8, 16))
d = partial(build, nn.LSTM, 8)
# output
import functools as ft
from functools import partial

from torch import nn
from rnnswap import JANET

a = partial(JANET, 8, batch_first=True, t_max=784)
b = ft.partial(JANET, hidden_size=16, t_max=784)
c = field(default_factory=partial(JANET, 8, 16, t_max=784))
d = partial(build, JANET, 8)
# report
6:13 RSW102 nn.LSTM -> JANET
7:16 RSW102 nn.LSTM -> JANET
8:35 RSW102 nn.LSTM -> JANET
9:20 RSW102 nn.LSTM -> JANET
9:20 RSW303 t_max=784 not written: nothing is constructed here
