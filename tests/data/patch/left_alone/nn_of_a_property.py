# case:
import torch


class Backend:
    nn = torch.nn

    def build(self, backend):
        return self.nn.LSTM(8, 16), backend.nn.LSTM(8, 16), type(self).nn.LSTM(8, 16)
# report
8:16 RSW202 self.nn.LSTM kept: what it leads to shows only at run time
8:37 RSW202 backend.nn.LSTM kept: what it leads to shows only at run time
8:61 RSW202 type(self).nn.LSTM kept: what it leads to shows only at run time
