# case: --cell lstm
import rnnswap
from rnnswap import IndRNN, JANET

a = JANET(8, 16)
b = IndRNN(8, 16, nonlinearity="tanh")
c = rnnswap.IndRNNv2(8, 16)
# output
import rnnswap
from torch.nn import LSTM

a = LSTM(8, 16)
b = LSTM(8, 16)
c = LSTM(8, 16)
# report
4:5 RSW101 JANET -> LSTM
5:5 RSW101 IndRNN -> LSTM
5:5 RSW305 nonlinearity dropped: lstm does not take it
6:5 RSW101 rnnswap.IndRNNv2 -> LSTM
