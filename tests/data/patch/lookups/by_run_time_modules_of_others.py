# case:
import operator
import sys

import torch

a = sys.modules["keras.layers"].LSTM(8, 16)
b = torch.__dict__["jit"].LSTM
c = operator.attrgetter("LSTM")(layers)
d = operator.attrgetter("GRU")(torch.nn)
e = getattr(torch, "nn").GRU, getattr(torch, name).LSTM
f = sys.modules[__name__].LSTM, table["torch.nn"].LSTM
