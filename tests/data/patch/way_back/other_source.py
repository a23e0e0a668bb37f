# case: --source janet --cell indrnn
from torch import nn
from rnnswap import IndRNNv2

# JANET goes, LSTM stays
a = nn.LSTM(8, 16)
b = IndRNNv2(8, 16)
