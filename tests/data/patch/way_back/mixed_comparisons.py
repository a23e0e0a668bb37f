# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(1, 2)
other = JANET(1)
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
# output
import torch.nn as nn

rnn = nn.LSTM(1, 2)
other = nn.LSTM(1)
if type(rnn) == nn.LSTM:
    pass
found = not type(rnn) is nn.LSTM and type(rnn.inner) is not nn.LSTM
print([m for m in ms if m.__class__ in [nn.LSTM, nn.GRU]], type(rnn) != nn.LSTM, flush=(type(rnn) not in (
    nn.GRU,
    nn.LSTM,
)))
while x or type(rnn) is nn.LSTM or y:
    pass
print(nn.LSTM is type(rnn), type(make()) is nn.LSTM, type(a) is type(b) is nn.LSTM, kind in (nn.LSTM, nn.GRU))
# report
4:7 RSW101 JANET -> nn.LSTM
5:9 RSW101 JANET -> nn.LSTM
6:4 RSW102 type(rnn) == nn.LSTM or type(rnn) == JANET -> type(rnn) == nn.LSTM
8:14 RSW102 (type(rnn) is nn.LSTM or type(rnn) is JANET) -> type(rnn) is nn.LSTM
8:63 RSW102 (type(rnn.inner) is not nn.LSTM and type(rnn.inner) is not JANET) -> type(rnn.inner) is not nn.LSTM
9:26 RSW102 (m.__class__ in [nn.LSTM, nn.GRU] or m.__class__ is JANET) -> m.__class__ in [nn.LSTM, nn.GRU]
9:86 RSW102 type(rnn) != nn.LSTM and type(rnn) != JANET -> type(rnn) != nn.LSTM
9:138 RSW102 (type(rnn) not in ( nn.GRU, nn.LSTM, ) and type(rnn) is not JANET) -> (type(rnn) not in ( nn.GRU, nn.LSTM, ))
13:13 RSW102 (type(rnn) is nn.LSTM or type(rnn) is JANET) -> type(rnn) is nn.LSTM
15:7 RSW102 JANET -> nn.LSTM
15:43 RSW102 JANET -> nn.LSTM
15:72 RSW102 JANET -> nn.LSTM
15:79 RSW102 kind in (nn.LSTM, nn.GRU) or kind is JANET -> kind in (nn.LSTM, nn.GRU)
