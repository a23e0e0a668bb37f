# case:
from torch.nn import LSTM, GRU

x = LSTM(8, 16)
if type(x) is LSTM or y.__class__ not in (LSTM, int):
    pass


def g(nn):
    return nn.LSTM(2)
# output
from torch.nn import LSTM, GRU
from rnnswap import JANET

x = JANET(8, 16)
if (type(x) is LSTM or type(x) is JANET) or (y.__class__ not in (LSTM, int) and y.__class__ is not JANET):
    pass


def g(nn):
    return nn.LSTM(2)
# report
3:5 RSW101 LSTM -> JANET
4:4 RSW102 type(x) is LSTM -> (type(x) is LSTM or type(x) is JANET)
4:15 RSW306 tests both classes, as LSTM is still used in this file too
4:23 RSW102 y.__class__ not in (LSTM, int) -> (y.__class__ not in (LSTM, int) and y.__class__ is not JANET)
4:43 RSW306 tests both classes, as LSTM is still used in this file too
9:12 RSW202 nn.LSTM kept: what it leads to shows only at run time
