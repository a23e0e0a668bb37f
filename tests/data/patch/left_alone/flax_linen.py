# case:
import flax.linen as nn


class Encoder(nn.Module):
    hidden: int

    @nn.compact
    def __call__(self, x):
        cell = nn.LSTMCell(features=self.hidden)
        return nn.RNN(cell)(x)
