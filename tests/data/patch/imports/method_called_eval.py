# case:
from torch.nn import GRU, LSTM

choices = ["LSTM", "GRU"]
rnn = LSTM(1, 2)
rnn.eval()
# output
from torch.nn import GRU
from rnnswap import JANET

choices = ["LSTM", "GRU"]
rnn = JANET(1, 2)
rnn.eval()
# report
4:7 RSW101 LSTM -> JANET
