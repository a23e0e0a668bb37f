# case:
try:
    from torch.nn import LSTM
except ImportError:
    LSTM = None

rnn = LSTM and LSTM(8, 16)
# report
6:7 RSW208 LSTM kept: the name is bound in more than one way
6:16 RSW208 LSTM kept: the name is bound in more than one way
