# case:
import torch
from torch import nn

model = nn.LSTM(8, 16)
optimizer = torch.optim.Adam(model.parameters())
model.load_state_dict(torch.load("model.pt"))
optimizer.load_state_dict(torch.load("optimizer.pt"))
# output
import torch
from torch import nn
from rnnswap import JANET

model = JANET(8, 16)
optimizer = torch.optim.Adam(model.parameters())
model.load_state_dict(torch.load("model.pt"))
optimizer.load_state_dict(torch.load("optimizer.pt"))
# report
4:9 RSW101 nn.LSTM -> JANET
6:1 RSW302 a checkpoint of LSTM does not fit janet
