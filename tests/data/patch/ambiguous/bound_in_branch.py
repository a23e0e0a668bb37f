# case:
import torch
from torch.nn import LSTM

if torch.cuda.is_available():
    LSTM = fast(LSTM)
elif slow:
    class LSTM(LSTM):
        pass

rnn = LSTM(8, 16)
# output
import torch
from torch.nn import LSTM
from rnnswap import JANET

if torch.cuda.is_available():
    LSTM = fast(JANET)
elif slow:
    class LSTM(LSTM):
        pass

rnn = LSTM(8, 16)
# report
5:17 RSW102 LSTM -> JANET
7:16 RSW208 LSTM kept: the name is bound in more than one way
10:7 RSW208 LSTM kept: the name is bound in more than one way
