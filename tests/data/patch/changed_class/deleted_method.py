# case:
import torch

del torch.nn.LSTM.flatten_parameters
rnns = [torch.nn.LSTM(n, n) for n in sizes]
# report
3:5 RSW209 torch.nn.LSTM kept: flatten_parameters of the class itself is used
4:9 RSW209 torch.nn.LSTM kept: this file changes the class itself
