# case:
from torch.nn import LSTM

rnn = LSTM(8, 16)
for name, param in rnn.named_parameters():
    if "bias" in name:
        n = param.size(0)
        start, end = n // 4, n // 2
        param.data[start:end].fill_(1.0)
    else:
        i, f, g, o = weight.chunk(4)
# output
from rnnswap import JANET

rnn = JANET(8, 16)
for name, param in rnn.named_parameters():
    if "bias" in name:
        n = param.size(0)
        start, end = n // 4, n // 2
        param.data[start:end].fill_(1.0)
    else:
        i, f, g, o = weight.chunk(4)
# report
3:7 RSW101 LSTM -> JANET
7:22 RSW301 n // 4 assumes LSTM's four gates; janet has others
10:22 RSW301 weight.chunk(4) assumes LSTM's four gates; janet has others
