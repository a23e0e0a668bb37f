# case:
import torch
from torch import nn, load

from model import Tagger


class Net(nn.Module):
    rnn = nn.LSTM(8, 16)


net = Net()
net.load_state_dict(load("net.pt")["model"], strict=False)
model = torch.load("whole.pt")
self.encoder = load("encoder.pt")
tagger = Tagger.load_from_checkpoint("last.ckpt")
data = torch.load("data.pt")
state = torch.load("model.pt")
model_state = torch.load("model.pt")
lr_scheduler.load_state_dict(state["scheduler"])
scaler.load_state_dict(state["scaler"])
# output
import torch
from torch import nn, load

from model import Tagger
from rnnswap import JANET


class Net(nn.Module):
    rnn = JANET(8, 16)


net = Net()
net.load_state_dict(load("net.pt")["model"], strict=False)
model = torch.load("whole.pt")
self.encoder = load("encoder.pt")
tagger = Tagger.load_from_checkpoint("last.ckpt")
data = torch.load("data.pt")
state = torch.load("model.pt")
model_state = torch.load("model.pt")
lr_scheduler.load_state_dict(state["scheduler"])
scaler.load_state_dict(state["scaler"])
# report
8:11 RSW101 nn.LSTM -> JANET
12:1 RSW302 a checkpoint of LSTM does not fit janet
13:9 RSW302 torch.load("whole.pt") gives back LSTM if it was saved with one
14:16 RSW302 load("encoder.pt") gives back LSTM if it was saved with one
15:10 RSW302 a checkpoint of LSTM does not fit janet
