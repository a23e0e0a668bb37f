# case:
import torch.nn as nn
from rnnswap import JANET

print(isinstance(layer, (nn.LSTM, JANET)))
