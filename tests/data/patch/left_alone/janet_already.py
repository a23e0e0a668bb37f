# case:
import torch.nn as nn
from rnnswap import JANET

rnn = JANET(8, 16)  # was an LSTM
