# case:
import torch

rnn = LSTM(8, 16)
other = rnn.LSTM(8, 16)
