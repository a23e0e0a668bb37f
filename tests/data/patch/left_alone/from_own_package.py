# case:
from .rnn import LSTM, LSTMCell
from ..torch.nn import LSTM as Inner
from mypackage.torch import nn

a = LSTM(8, 16)
b = LSTMCell(8, 16)
c = Inner(8, 16)
d = nn.LSTM(8, 16)
