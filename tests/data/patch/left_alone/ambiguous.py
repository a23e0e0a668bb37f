# case:
try:
    from fast import LSTM
except ImportError:
    from torch.nn import LSTM

rnn = LSTM(8, 16)
# report
6:7 RSW208 LSTM kept: the name is bound in more than one way
