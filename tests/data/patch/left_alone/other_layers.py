# case:
import torch.nn as nn

gru = nn.GRU(8, 16)
rnn = nn.RNN(8, 16)
LSTM = "a name"
print(LSTM, nn.LSTMish)
# report
3:7 RSW215 nn.GRU kept: LSTM alone is replaced
4:7 RSW215 nn.RNN kept: LSTM alone is replaced
