# case:
import torch.nn

rnn = torch.nn.modules.rnn.LSTM(8, 16)
# output
import torch.nn
from rnnswap import JANET

rnn = JANET(8, 16)
# report
3:7 RSW101 torch.nn.modules.rnn.LSTM -> JANET
