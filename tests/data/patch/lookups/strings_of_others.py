# case:
import importlib
from unittest import mock

import torch.nn as nn

a = nn.__dict__["GRU"](1, 2)
b = vars(args)["LSTM"]
c = eval("print('LSTM')")
d = __import__("keras").layers.LSTM(1, 2)
e = importlib.import_module(name).LSTM(1, 2)
with mock.patch("keras.layers.LSTM"):
    print("torch.nn.LSTM")
rnn.eval("nn.LSTM(1, 2)")
f = settings["LSTM"]
