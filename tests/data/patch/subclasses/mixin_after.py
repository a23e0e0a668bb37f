# case:
import torch


class Layer(torch.nn.LSTM, Logged):
    pass
# report
4:13 RSW204 torch.nn.LSTM kept: Layer has other base classes beside it
