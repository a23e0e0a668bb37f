# case:
import sys
if sys.argv: from torch.nn import LSTM
else: from torch.nn.modules.rnn import LSTM

rnn = LSTM(8, 16)
# output
import sys
if sys.argv: pass
else: pass
from rnnswap import JANET

rnn = JANET(8, 16)
# report
5:7 RSW101 LSTM -> JANET
