# case: --cell lstm --attention soft
from torch.nn import LSTM

rnn = LSTM(8, 16)
# output
from torch.nn import LSTM
from rnnswap import with_attention

rnn = with_attention(LSTM, "soft")(8, 16)
# report
3:7 RSW101 LSTM -> with_attention(LSTM, "soft")
