# case:
try:
    from torch.nn import LSTM
except ImportError:
    LSTM = None

if LSTM:
    rnn = LSTM(8, 16)
# report
6:4 RSW208 LSTM kept: the name is bound in more than one way
7:11 RSW208 LSTM kept: the name is bound in more than one way
