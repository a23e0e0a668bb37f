# case: --cell lstm
from rnnswap import with_attention
from torch.nn import LSTM

rnn = with_attention(LSTM, "soft")(8, 16)
plain = LSTM(8, 16)
n = plain.bias_hh_l0.numel()
plain.bias_hh_l0.data[n // 4 : n // 2].fill_(1)
# output
from torch.nn import LSTM

rnn = LSTM(8, 16)
plain = LSTM(8, 16)
n = plain.bias_hh_l0.numel()
plain.bias_hh_l0.data[n // 4 : n // 2].fill_(1)
# report
4:7 RSW101 with_attention(LSTM, "soft") -> LSTM
