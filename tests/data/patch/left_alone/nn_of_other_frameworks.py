# case:
from flax import linen


def build(nn, self):
    return nn.LSTM(8, 16), self.nn.LSTM(8, 16)
