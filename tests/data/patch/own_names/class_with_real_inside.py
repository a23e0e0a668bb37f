# case:
import torch.nn as nn


class LSTM(nn.Module):
    def __init__(self, size):
        super(LSTM, self).__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = LSTM(8)
        self.decoder = LSTM(size=8)
# output
import torch.nn as nn
from rnnswap import JANET


class LSTM(nn.Module):
    def __init__(self, size):
        super(LSTM, self).__init__()
        self.lstm = JANET(size, size, batch_first=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = LSTM(8)
        self.decoder = LSTM(size=8)
# report
7:21 RSW101 nn.LSTM -> JANET
