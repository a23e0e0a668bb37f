# case:
from torch import nn


class Counting(nn.LSTM):
    def step(self):
        self.steps += 1


class Gated(nn.LSTM):
    gates: tuple = ("i", "f", "g", "o")


class Counted(nn.LSTM):
    def __init__(self, size):
        super().__init__(size, size)
        self.register_buffer("step", None)


class Cached(nn.LSTM):
    def __init__(self, size):
        super().__init__(size, size)
        self._weights = []
# report
4:16 RSW203 nn.LSTM kept: Counting has a step of its own, which the cell uses for something else
9:13 RSW203 nn.LSTM kept: Gated has a gates of its own, which the cell uses for something else
13:15 RSW203 nn.LSTM kept: Counted has a step of its own, which the cell uses for something else
19:14 RSW203 nn.LSTM kept: Cached has a _weights of its own, which the cell uses for something else
