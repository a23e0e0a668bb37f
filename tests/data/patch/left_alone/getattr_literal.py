# case:
import torch

rnn = getattr(torch.nn, "LSTM")(8, 16)
gru = getattr(torch.nn, "GRU")(8, 16)
# report
3:7 RSW202 getattr(torch.nn, "LSTM") kept: the class is looked up by getattr
