# case:
if torch_first:
    from torch.nn import LSTM

    rnn = LSTM(1, 2)
else:
    from torch.nn import LSTM

    rnn = LSTM(3, 4)
# output
from rnnswap import JANET
if torch_first:

    rnn = JANET(1, 2)
else:

    rnn = JANET(3, 4)
# report
4:11 RSW101 LSTM -> JANET
8:11 RSW101 LSTM -> JANET
