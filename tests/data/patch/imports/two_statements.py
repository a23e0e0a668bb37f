# case:
from torch.nn import LSTM

from torch.nn.modules.rnn import LSTM as Layer

a = LSTM(8, 16)
b = Layer(8, 16)
# output
from rnnswap import JANET


a = JANET(8, 16)
b = JANET(8, 16)
# report
5:5 RSW101 LSTM -> JANET
6:5 RSW101 Layer -> JANET
