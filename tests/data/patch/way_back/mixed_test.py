# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, (nn.LSTM, JANET)))
print(isinstance(rnn, (nn.GRU, (nn.LSTM, JANET))))
print(isinstance(rnn, nn.GRU | (nn.LSTM | JANET)), isinstance(rnn, nn.LSTM | JANET))
# output
import torch.nn as nn

rnn = nn.LSTM(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, nn.LSTM))
print(isinstance(rnn, (nn.GRU, nn.LSTM)))
print(isinstance(rnn, nn.GRU | nn.LSTM), isinstance(rnn, nn.LSTM))
# report
4:7 RSW101 JANET -> nn.LSTM
6:24 RSW102 (nn.LSTM, JANET) -> nn.LSTM
7:33 RSW102 (nn.LSTM, JANET) -> nn.LSTM
8:33 RSW102 (nn.LSTM | JANET) -> nn.LSTM
8:68 RSW102 nn.LSTM | JANET -> nn.LSTM
