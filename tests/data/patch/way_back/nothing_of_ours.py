# case: --cell lstm
import torch.nn as nn
from mine import JANET
from other.rnnswap import IndRNN

rnn = nn.LSTM(8, 16)
other = JANET(8, 16), IndRNN(8, 16)
