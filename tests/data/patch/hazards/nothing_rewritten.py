# case:
import torch
from torch import nn


class LSTM(nn.Module):
    pass


model = LSTM()
model.load_state_dict(torch.load("model.pt"))
