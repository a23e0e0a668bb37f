# case:
from torch import nn


class Layers:
    class LSTM(nn.Module):
        pass


rnn = Layers.LSTM()
