# case:
import importlib

import pytest

nn = __import__("torch.nn", fromlist=["nn"])
rnn = importlib.import_module("torch.nn.modules.rnn")
torch = pytest.importorskip("torch", minversion="2.0")
a = nn.LSTM(8, 16)
b = rnn.LSTM(8, 16)
c = torch.nn.LSTM(8, 16)
# output
import importlib

import pytest

nn = __import__("torch.nn", fromlist=["nn"])
from rnnswap import JANET
rnn = importlib.import_module("torch.nn.modules.rnn")
torch = pytest.importorskip("torch", minversion="2.0")
a = JANET(8, 16)
b = JANET(8, 16)
c = JANET(8, 16)
# report
8:5 RSW101 nn.LSTM -> JANET
9:5 RSW101 rnn.LSTM -> JANET
10:5 RSW101 torch.nn.LSTM -> JANET
