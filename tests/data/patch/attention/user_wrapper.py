# case: --source janet --cell lstm
from mine import with_attention
from rnnswap import IndRNN

rnn = with_attention(IndRNN, "soft")(8, 16)  # no JANET
