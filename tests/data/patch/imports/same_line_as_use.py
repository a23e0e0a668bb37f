# case:
"""Doc."""
import torch.nn as nn; rnn = nn.LSTM(8, 16)
# output
"""Doc."""
from rnnswap import JANET
import torch.nn as nn; rnn = JANET(8, 16)
# report
2:30 RSW101 nn.LSTM -> JANET
