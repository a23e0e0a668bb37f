# case: --clip norm:1.0
import torch
import torch.nn as nn
from torch.nn import LSTM


def train(data):
    model = nn.Sequential(nn.LSTM(8, 16))
    optimizer = torch.optim.Adam(model.parameters())
    for x in data:
        model(x)[0].sum().backward()
        optimizer.step()
    a = 1; optimizer.step(); rnn = LSTM(1, 2)
    return isinstance(model[0], LSTM)
# output
import torch
import torch.nn as nn
from rnnswap import JANET


def train(data):
    model = nn.Sequential(JANET(8, 16))
    optimizer = torch.optim.Adam(model.parameters())
    for x in data:
        model(x)[0].sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    a = 1; torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); rnn = JANET(1, 2)
    return isinstance(model[0], JANET)
# report
7:27 RSW101 nn.LSTM -> JANET
11:9 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
12:12 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
12:36 RSW101 LSTM -> JANET
13:33 RSW102 LSTM -> JANET
