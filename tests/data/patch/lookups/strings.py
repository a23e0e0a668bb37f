# case:
import importlib
from unittest import mock

import torch.nn as nn

a = nn.__dict__["LSTM"](1, 2)
b = vars(nn)["LSTM"](1, 2)
c = eval("nn.LSTM(1, 2)")
d = __import__("torch").nn.LSTM(1, 2)
e = importlib.import_module("torch.nn").LSTM(1, 2)
with mock.patch("torch.nn.LSTM"):
    pass
# report
6:5 RSW202 nn.__dict__["LSTM"] kept: the class is looked up by its name
7:5 RSW202 vars(nn)["LSTM"] kept: the class is looked up by its name
8:5 RSW202 eval("nn.LSTM(1, 2)") kept: it stands in a string that is run
9:5 RSW202 __import__("torch").nn.LSTM kept: its module is looked up while the program runs
10:5 RSW202 importlib.import_module("torch.nn").LSTM kept: its module is looked up while the program runs
11:6 RSW202 mock.patch("torch.nn.LSTM") kept: it is named by a string
