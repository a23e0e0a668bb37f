# case:
import torch.nn as nn

rnn = nn.LSTM(8, hidden_size=16, batch_first=True)
# output
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(8, hidden_size=16, batch_first=True)
# report
3:7 RSW101 nn.LSTM -> JANET
