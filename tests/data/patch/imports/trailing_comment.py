# case:
from torch.nn import LSTM  # the cell

rnn = LSTM(8, 16)
# output
from rnnswap import JANET  # the cell

rnn = JANET(8, 16)
# report
3:7 RSW101 LSTM -> JANET
