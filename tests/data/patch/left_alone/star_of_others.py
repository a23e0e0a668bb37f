# case:
from layers import *

rnn = LSTM(8, 16)
