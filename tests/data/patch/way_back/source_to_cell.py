# case: --source janet --cell indrnn
from rnnswap import JANET, with_attention

a = JANET(8, 16, t_max=784)
b = with_attention(JANET, "soft")(8, 16)
# output
from rnnswap import with_attention
from rnnswap import IndRNN

a = IndRNN(8, 16)
b = with_attention(IndRNN, "soft")(8, 16)
# report
3:5 RSW101 JANET -> IndRNN
3:5 RSW305 t_max dropped: indrnn does not take it
4:20 RSW101 JANET -> IndRNN
