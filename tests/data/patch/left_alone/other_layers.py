# case:
import torch.nn as nn

gru = nn.GRU(8, 16)
rnn = nn.RNN(8, 16)
LSTM = "a name"
print(LSTM, nn.LSTMish)
