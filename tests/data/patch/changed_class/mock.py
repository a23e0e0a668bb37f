# case:
from unittest import mock

import torch


def test(monkeypatch):
    with mock.patch.object(torch.nn.LSTM, "forward"):
        pass
    monkeypatch.setattr(torch.nn.LSTM, "forward", None)
    with mock.patch("torch.nn.LSTM"):
        pass
# report
7:28 RSW209 torch.nn.LSTM kept: the class itself is changed by this call
9:25 RSW209 torch.nn.LSTM kept: the class itself is changed by this call
10:10 RSW202 mock.patch("torch.nn.LSTM") kept: it is named by a string
