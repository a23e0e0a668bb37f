# case: --cell mingru
from torch.nn import LSTM, LSTMCell

layer = LSTM(8, 16)
step = LSTMCell(8, 16)
# output
from torch.nn import LSTMCell
from rnnswap_minrnn import MinGRU

layer = MinGRU(8, 16)
step = LSTMCell(8, 16)
# report
3:9 RSW101 LSTM -> MinGRU
4:8 RSW207 LSTMCell kept: mingru has no one-step class
