# case: --attention soft
from rnnswap import JANET, with_attention

rnn = with_attention(JANET, "soft")(8, 16)  # an LSTM once
