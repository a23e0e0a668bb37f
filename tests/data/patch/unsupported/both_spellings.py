# case: --cell mingru
import torch
from torch.nn import LSTM as Layer

a = torch.nn.LSTM(8, 16, 1, True, True, 0.0, False, 4)
b = Layer(8, 16, batch_first=True, proj_size=size)
c = [Layer(8, 16, proj_size=n).to(device) for n in (2, 3)]
# report
4:5 RSW201 torch.nn.LSTM kept: mingru has no proj_size
5:5 RSW201 Layer kept: mingru has no proj_size
6:6 RSW201 Layer kept: mingru has no proj_size
