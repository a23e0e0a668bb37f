# case:
from torch.nn import *


class LSTM(Module):
    pass


rnn = LSTM()
