# case: --attention soft --cell indrnn
from torch.nn import LSTM


class Encoder(LSTM):
    pass
# output
from rnnswap import IndRNN, with_attention


class Encoder(with_attention(IndRNN, "soft")):
    pass
# report
4:15 RSW103 LSTM -> with_attention(IndRNN, "soft")
