# case: --attention soft --source indrnn --cell janet
from rnnswap import JANET, with_attention
from torch.nn import LSTM

a = LSTM(8, 16)
b = with_attention(JANET, "soft")(8, 16)
c = JANET(8, 16)
