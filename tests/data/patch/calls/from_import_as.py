# case:
from torch.nn import LSTM as Recurrent, Linear

rnn = Recurrent(8, 16)
head = Linear(16, 2)
# output
from torch.nn import Linear
from rnnswap import JANET

rnn = JANET(8, 16)
head = Linear(16, 2)
# report
3:7 RSW101 Recurrent -> JANET
