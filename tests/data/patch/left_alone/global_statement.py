# case:
from torch.nn import LSTM


def swap():
    global LSTM
    LSTM = object


rnn = LSTM(8, 16)
# report
9:7 RSW208 LSTM kept: the name is bound in more than one way
