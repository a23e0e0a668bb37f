# case: --cell lstm --attention soft
from torch.nn import LSTM
from rnnswap import with_attention

rnn = with_attention(LSTM, "soft")(8, 16)
