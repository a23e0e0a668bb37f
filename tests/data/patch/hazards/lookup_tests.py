# case: --cell janet
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = getattr(nn, kind)(8, 16)

    def init_hidden(self):
        return isinstance(self.rnn, nn.LSTM)
# report
7:20 RSW202 getattr(nn, kind) kept: which class it is shows only at run time
10:37 RSW202 nn.LSTM kept: what it tests is looked up with getattr
