# case:
from typing import Generic, TypeVar

from torch.nn import LSTM

T = TypeVar("T")


class Layer(LSTM, Generic[T]):
    pass
# report
8:13 RSW204 LSTM kept: Layer has other base classes beside it
