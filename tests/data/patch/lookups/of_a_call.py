# case:
import torch


def backend():
    return torch


class Model:
    def build(self):
        return backend().nn.LSTM(8, 16), type(self).nn.LSTM, layers[0].nn.GRU, f().LSTM
# report
10:16 RSW202 backend().nn.LSTM kept: what it leads to shows only at run time
10:42 RSW202 type(self).nn.LSTM kept: what it leads to shows only at run time
