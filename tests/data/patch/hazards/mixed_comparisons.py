# case:
import torch.nn as nn

rnn = nn.LSTM(1, 2)
other = getattr(nn, "LSTM")(1, 2)
if type(rnn) == nn.LSTM:
    pass
found = not type(rnn) is nn.LSTM and (type(rnn.inner) is not nn.LSTM)
print([m for m in ms if m.__class__ in [nn.LSTM, nn.GRU]], type(rnn) != nn.LSTM, flush=type(rnn) not in (
    nn.GRU,
    nn.LSTM,
))
while x or type(rnn) is nn.LSTM or y:
    pass
print(nn.LSTM is type(rnn), type(make()) is nn.LSTM, type(a) is type(b) is nn.LSTM, kind in (nn.LSTM, nn.GRU))
# output
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(1, 2)
other = getattr(nn, "LSTM")(1, 2)
if type(rnn) == nn.LSTM or type(rnn) == JANET:
    pass
found = not (type(rnn) is nn.LSTM or type(rnn) is JANET) and (type(rnn.inner) is not nn.LSTM and type(rnn.inner) is not JANET)
print([m for m in ms if (m.__class__ in [nn.LSTM, nn.GRU] or m.__class__ is JANET)], type(rnn) != nn.LSTM and type(rnn) != JANET, flush=(type(rnn) not in (
    nn.GRU,
    nn.LSTM,
) and type(rnn) is not JANET))
while x or (type(rnn) is nn.LSTM or type(rnn) is JANET) or y:
    pass
print(JANET is type(rnn), type(make()) is JANET, type(a) is type(b) is JANET, kind in (nn.LSTM, nn.GRU) or kind is JANET)
# report
3:7 RSW101 nn.LSTM -> JANET
4:9 RSW202 getattr(nn, "LSTM") kept: the class is looked up by getattr
5:4 RSW102 type(rnn) == nn.LSTM -> type(rnn) == nn.LSTM or type(rnn) == JANET
5:17 RSW306 tests both classes, as LSTM is still used in this file too
7:13 RSW102 type(rnn) is nn.LSTM -> (type(rnn) is nn.LSTM or type(rnn) is JANET)
7:26 RSW306 tests both classes, as LSTM is still used in this file too
7:39 RSW102 (type(rnn.inner) is not nn.LSTM) -> type(rnn.inner) is not nn.LSTM and type(rnn.inner) is not JANET
7:62 RSW306 tests both classes, as LSTM is still used in this file too
8:25 RSW102 m.__class__ in [nn.LSTM, nn.GRU] -> (m.__class__ in [nn.LSTM, nn.GRU] or m.__class__ is JANET)
8:41 RSW306 tests both classes, as LSTM is still used in this file too
8:60 RSW102 type(rnn) != nn.LSTM -> type(rnn) != nn.LSTM and type(rnn) != JANET
8:73 RSW306 tests both classes, as LSTM is still used in this file too
8:88 RSW102 type(rnn) not in ( nn.GRU, nn.LSTM, ) -> (type(rnn) not in ( nn.GRU, nn.LSTM, ) and type(rnn) is not JANET)
10:5 RSW306 tests both classes, as LSTM is still used in this file too
12:12 RSW102 type(rnn) is nn.LSTM -> (type(rnn) is nn.LSTM or type(rnn) is JANET)
12:25 RSW306 tests both classes, as LSTM is still used in this file too
14:7 RSW102 nn.LSTM -> JANET
14:7 RSW306 tests the new class, but LSTM is still used in this file too
14:45 RSW102 nn.LSTM -> JANET
14:45 RSW306 tests the new class, but LSTM is still used in this file too
14:76 RSW102 nn.LSTM -> JANET
14:76 RSW306 tests the new class, but LSTM is still used in this file too
14:85 RSW102 kind in (nn.LSTM, nn.GRU) -> kind in (nn.LSTM, nn.GRU) or kind is JANET
14:94 RSW306 tests both classes, as LSTM is still used in this file too
