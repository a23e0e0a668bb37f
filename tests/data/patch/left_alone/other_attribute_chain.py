# case:
import torch
import torch.nn as nn

x = torch.LSTM(1)
y = nn.quantized.LSTM(1)
z = torch.nn.functional.LSTM
w = nn.utils.rnn.LSTM
