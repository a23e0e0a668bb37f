# case:
import os; from torch.nn import LSTM; import sys
rnn = LSTM(8, 16)
# output
import os; from rnnswap import JANET; import sys
rnn = JANET(8, 16)
# report
2:7 RSW101 LSTM -> JANET
