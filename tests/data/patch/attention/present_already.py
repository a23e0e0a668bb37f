# case: --attention soft
from torch import nn
from rnnswap import JANET, with_attention

old = with_attention(JANET, "soft")(8, 16)
new = nn.LSTM(8, 16)
# output
from torch import nn
from rnnswap import JANET, with_attention

old = with_attention(JANET, "soft")(8, 16)
new = with_attention(JANET, "soft")(8, 16)
# report
5:7 RSW101 nn.LSTM -> with_attention(JANET, "soft")
