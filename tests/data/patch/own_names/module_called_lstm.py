# case:
import LSTM
from models import LSTM as nn

a = LSTM.LSTM(8, 16)
b = nn.LSTM(8, 16)
