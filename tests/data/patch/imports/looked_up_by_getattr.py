# case:
import sys

from torch.nn import GRU, LSTM

rnn = LSTM(1, 2)
again = getattr(sys.modules[__name__], "LSTM")
# output
import sys

from torch.nn import GRU, LSTM
from rnnswap import JANET

rnn = JANET(1, 2)
again = getattr(sys.modules[__name__], "LSTM")
# report
3:27 RSW210 LSTM kept: imported for others to import or look up
5:7 RSW101 LSTM -> JANET
