# case: --attention soft --cell mingru
from torch.nn import LSTM

rnn = LSTM(8, 16)
# output
from rnnswap import with_attention
from rnnswap_minrnn import MinGRU

rnn = with_attention(MinGRU, "soft")(8, 16)
# report
3:7 RSW101 LSTM -> with_attention(MinGRU, "soft")
