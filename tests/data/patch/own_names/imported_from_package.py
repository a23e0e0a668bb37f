# case:
from allennlp.modules import LSTM
from layers import lstm as nn
from layers.lstm import LSTM as Layer
import models.torch.nn as torch_nn

a = LSTM(8, 16)
b = nn.LSTM(8, 16)
c = Layer(8, 16)
d = torch_nn.LSTM(8, 16)
