# case: --cell mingru
from functools import partial

import torch.nn as nn

a = partial(nn.LSTM, 8, 16, proj_size=4)
b = partial(nn.LSTM, 8, 16, 1, True, False, 0.0, True, 4)
c = partial(nn.LSTM, 8, 16, 1, True, False, 0.0, True)
d = partial(nn.LSTM, **config)
e = mine.partial(nn.LSTM, 8, 16, proj_size=4)
# output
from functools import partial

import torch.nn as nn
from rnnswap_minrnn import MinGRU

a = partial(nn.LSTM, 8, 16, proj_size=4)
b = partial(nn.LSTM, 8, 16, 1, True, False, 0.0, True, 4)
c = partial(MinGRU, 8, 16, 1, True, False, 0.0, True)
d = partial(MinGRU, **config)
e = mine.partial(MinGRU, 8, 16, proj_size=4)
# report
5:13 RSW201 nn.LSTM kept: mingru has no proj_size
6:13 RSW201 nn.LSTM kept: mingru has no proj_size
7:13 RSW102 nn.LSTM -> MinGRU
8:13 RSW102 nn.LSTM -> MinGRU
8:13 RSW304 unpacked arguments may hold proj_size, which mingru does not take
9:18 RSW102 nn.LSTM -> MinGRU
