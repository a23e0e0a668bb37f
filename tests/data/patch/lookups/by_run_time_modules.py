# case:
import operator
import sys
from importlib import import_module

import torch

a = sys.modules["torch.nn"].LSTM(8, 16)
b = torch.__dict__["nn"].LSTM(8, 16)
c = getattr(import_module("torch.nn"), "LSTM")
d = getattr(import_module("torch.nn"), name)
e = operator.attrgetter("LSTM")(torch.nn)
f = operator.attrgetter("nn.LSTM")(torch)
g = getattr(torch, "nn").LSTM(8, 16)
h = getattr(getattr(torch, "nn"), "LSTM")
# report
7:5 RSW202 sys.modules["torch.nn"].LSTM kept: its module is looked up while the program runs
8:5 RSW202 torch.__dict__["nn"].LSTM kept: its module is looked up while the program runs
9:5 RSW202 getattr(import_module("torch.nn"), "LSTM") kept: the class is looked up by getattr
10:5 RSW202 getattr(import_module("torch.nn"), name) kept: which class it is shows only at run time
11:5 RSW202 operator.attrgetter("LSTM")(torch.nn) kept: the class is looked up by its name
12:5 RSW202 operator.attrgetter("nn.LSTM")(torch) kept: the class is looked up by its name
13:5 RSW202 getattr(torch, "nn").LSTM kept: its module is looked up while the program runs
14:5 RSW202 getattr(getattr(torch, "nn"), "LSTM") kept: the class is looked up by getattr
