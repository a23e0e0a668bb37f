# case: --cell lstm
import rnnswap
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(1, 2)
other = getattr(rnnswap, "JANET")(1, 2)
print(isinstance(rnn, JANET), isinstance(rnn, (nn.LSTM, JANET)))
# output
import rnnswap
import torch.nn as nn
from rnnswap import JANET
from torch.nn import LSTM

rnn = LSTM(1, 2)
other = getattr(rnnswap, "JANET")(1, 2)
print(isinstance(rnn, (JANET, LSTM)), isinstance(rnn, (nn.LSTM, JANET)))
# report
3:21 RSW210 JANET kept: imported for others to import or look up
5:7 RSW101 JANET -> LSTM
6:9 RSW202 getattr(rnnswap, "JANET") kept: the class is looked up by getattr
7:23 RSW102 JANET -> (JANET, LSTM)
7:23 RSW306 tests both classes, as JANET is still used in this file too
