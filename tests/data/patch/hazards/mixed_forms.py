# case:
import torch.nn as nn

rnn = nn.LSTM(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, nn.LSTM))
print(isinstance(rnn, (nn.LSTM, nn.GRU)))
print(isinstance(rnn, nn.LSTM | nn.GRU), issubclass(type(rnn), nn.GRU | nn.LSTM))
print(type(rnn) is nn.LSTM, type(rnn) in (nn.LSTM, nn.GRU))
match rnn:
    case nn.LSTM():
        pass
# output
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, (nn.LSTM, JANET)))
print(isinstance(rnn, ((nn.LSTM, JANET), nn.GRU)))
print(isinstance(rnn, nn.LSTM | JANET | nn.GRU), issubclass(type(rnn), nn.GRU | (nn.LSTM | JANET)))
print(type(rnn) is nn.LSTM or type(rnn) is JANET, type(rnn) in (nn.LSTM, nn.GRU) or type(rnn) is JANET)
match rnn:
    case JANET():
        pass
# report
3:7 RSW101 nn.LSTM -> JANET
4:9 RSW202 getattr(nn, "LSTM") kept: the class is looked up by getattr
5:23 RSW102 nn.LSTM -> (nn.LSTM, JANET)
5:23 RSW306 tests both classes, as LSTM is still used in this file too
6:24 RSW102 nn.LSTM -> (nn.LSTM, JANET)
6:24 RSW306 tests both classes, as LSTM is still used in this file too
7:23 RSW102 nn.LSTM -> nn.LSTM | JANET
7:23 RSW306 tests both classes, as LSTM is still used in this file too
7:73 RSW102 nn.LSTM -> (nn.LSTM | JANET)
7:73 RSW306 tests both classes, as LSTM is still used in this file too
8:7 RSW102 type(rnn) is nn.LSTM -> type(rnn) is nn.LSTM or type(rnn) is JANET
8:20 RSW306 tests both classes, as LSTM is still used in this file too
8:29 RSW102 type(rnn) in (nn.LSTM, nn.GRU) -> type(rnn) in (nn.LSTM, nn.GRU) or type(rnn) is JANET
8:43 RSW306 tests both classes, as LSTM is still used in this file too
10:10 RSW102 nn.LSTM -> JANET
10:10 RSW306 tests the new class, but LSTM is still used in this file too
