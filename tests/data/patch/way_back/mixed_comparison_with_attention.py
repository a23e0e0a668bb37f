# case: --cell lstm
import torch.nn as nn
from rnnswap import JANET, with_attention

rnn = with_attention(JANET, "soft")(1, 2)
print(type(rnn) is nn.LSTM or type(rnn) is with_attention(JANET, "soft"), getattr(nn, kind))
# output
import torch.nn as nn

rnn = nn.LSTM(1, 2)
print(type(rnn) is nn.LSTM, getattr(nn, kind))
# report
4:7 RSW101 with_attention(JANET, "soft") -> nn.LSTM
5:7 RSW102 type(rnn) is nn.LSTM or type(rnn) is with_attention(JANET, "soft") -> type(rnn) is nn.LSTM
