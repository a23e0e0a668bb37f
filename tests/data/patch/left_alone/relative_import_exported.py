# case:
__all__ = ["LSTM"]

from .lstm import LSTM
