# case:
import torch

try:
    LSTM
except NameError:
    def LSTM(n):
        return torch.nn.GRU(n, n)

rnn = LSTM(8)
# report
7:16 RSW215 torch.nn.GRU kept: LSTM alone is replaced
