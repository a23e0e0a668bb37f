# case:
from typing import Union

from models import LSTM, GRU
from models.nn import LSTM as Other

Layer = Union[LSTM, GRU]
rnn = Layer or Other(8)
