# case:
import flax.linen as nn
from flax import linen

a = nn.LSTM(8)
b = linen.LSTM(8)
