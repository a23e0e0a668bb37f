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

rnn = nn.LSTM(1, 2)
other = getattr(rnnswap, "JANET")(1, 2)
print(isinstance(rnn, (JANET, nn.LSTM)), isinstance(rnn, (nn.LSTM, JANET)))
# report
3:21 RSW210 JANET kept: imported for others to import or look up
5:7 RSW101 JANET -> nn.LSTM
6:9 RSW202 getattr(rnnswap, "JANET") kept: the class is looked up by getattr
7:23 RSW102 JANET -> (JANET, nn.LSTM)
7:23 RSW306 tests both classes, as JANET is still used in this file too
