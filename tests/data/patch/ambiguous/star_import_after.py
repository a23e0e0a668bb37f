# case:
from torch.nn import LSTM as TorchLSTM
from torch.nn import LSTM, LSTMCell
from .layers import *
from math import *

rnn = LSTM(8, 16)
cell = LSTMCell(8, 16)
torchs = TorchLSTM(8, 16)
# output
from rnnswap import JANET
from torch.nn import LSTM, LSTMCell
from .layers import *
from math import *

rnn = LSTM(8, 16)
cell = LSTMCell(8, 16)
torchs = JANET(8, 16)
# report
6:7 RSW208 LSTM kept: from .layers import * further down may bind the name anew
7:8 RSW208 LSTMCell kept: from .layers import * further down may bind the name anew
8:10 RSW101 TorchLSTM -> JANET
