# case: --cell lstm
from functools import partial

from rnnswap import JANET

a = partial(JANET, 8, t_max=784)
b = partial(JANET, batch_first=True)
# output
from functools import partial

from torch.nn import LSTM

a = partial(LSTM, 8)
b = partial(LSTM, batch_first=True)
# report
5:13 RSW102 JANET -> LSTM
5:13 RSW305 t_max dropped: lstm does not take it
6:13 RSW102 JANET -> LSTM
