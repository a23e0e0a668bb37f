# case:
from torch import nn


class Decoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.cell = nn.LSTMCell(size, size)
        self.cell.bias_ih.data[size : 2 * size].fill_(1)
        self.cell.bias_hh.data[16:32] = 1
        nn.init.constant_(self.cell.bias_hh, 0)
        nn.init.orthogonal_(self.cell.weight_hh)

    def restore(self, state):
        self.load_state_dict(state)
        return self.cell.bias_ih.shape[0] // 4
# output
from torch import nn
from rnnswap import JANETCell


class Decoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.cell = JANETCell(size, size)
        self.cell.bias_ih.data[size : 2 * size].fill_(1)
        self.cell.bias_hh.data[16:32] = 1
        nn.init.constant_(self.cell.bias_hh, 0)
        nn.init.orthogonal_(self.cell.weight_hh)

    def restore(self, state):
        self.load_state_dict(state)
        return self.cell.bias_ih.shape[0] // 4
# report
7:21 RSW101 nn.LSTMCell -> JANETCell
8:9 RSW301 self.cell.bias_ih.data[size : 2 * size] assumes LSTMCell's four gates; janet has others
9:9 RSW301 self.cell.bias_hh.data[16:32] assumes LSTMCell's four gates; janet has others
14:9 RSW302 a checkpoint of LSTMCell does not fit janet
15:16 RSW309 self.cell.bias_ih.shape is another in janet
