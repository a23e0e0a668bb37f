# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET

a = JANET(8, 16)
b = JANET(8, 16, beta=0.5, t_max=784)
c = JANET(
    8,
    16,  # hidden
    t_max=784,
)
d = JANET(8, t_max=784, hidden_size=16)
# output
import torch.nn as nn

a = nn.LSTM(8, 16)
b = nn.LSTM(8, 16)
c = nn.LSTM(
    8,
    16,  # hidden
)
d = nn.LSTM(8, hidden_size=16)
# report
4:5 RSW101 JANET -> nn.LSTM
5:5 RSW101 JANET -> nn.LSTM
5:5 RSW305 beta, t_max dropped: lstm does not take it
6:5 RSW101 JANET -> nn.LSTM
6:5 RSW305 t_max dropped: lstm does not take it
11:5 RSW101 JANET -> nn.LSTM
11:5 RSW305 t_max dropped: lstm does not take it
