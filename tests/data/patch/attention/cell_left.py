# case: --attention soft --cell indrnn
from rnnswap import JANET, with_attention
from torch import nn

rnn = with_attention(JANET, "soft")(8, 16)
step = nn.LSTMCell(8, 16)
# report
5:8 RSW207 nn.LSTMCell kept: attention needs a layer, not a single step
