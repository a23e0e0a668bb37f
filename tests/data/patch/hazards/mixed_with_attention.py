# case: --attention soft
import torch.nn as nn

rnn = nn.LSTM(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, nn.LSTM), isinstance(rnn, nn.GRU | nn.LSTM))
# output
import torch.nn as nn
from rnnswap import JANET, with_attention

rnn = with_attention(JANET, "soft")(1, 2)
other = getattr(nn, "LSTM")(1, 2)
print(isinstance(rnn, (nn.LSTM, with_attention(JANET, "soft"))), isinstance(rnn, nn.GRU | (nn.LSTM | with_attention(JANET, "soft"))))
# report
3:7 RSW101 nn.LSTM -> with_attention(JANET, "soft")
4:9 RSW202 getattr(nn, "LSTM") kept: the class is looked up by getattr
5:23 RSW102 nn.LSTM -> (nn.LSTM, with_attention(JANET, "soft"))
5:23 RSW306 tests both classes, as LSTM is still used in this file too
5:58 RSW102 nn.LSTM -> (nn.LSTM | with_attention(JANET, "soft"))
5:58 RSW306 tests both classes, as LSTM is still used in this file too
