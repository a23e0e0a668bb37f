# case:
import sys


def build():
    """Build."""
    from torch.nn import LSTM
    return LSTM(8, 16)
# output
import sys


def build():
    """Build."""
    from rnnswap import JANET
    return JANET(8, 16)
# report
7:12 RSW101 LSTM -> JANET
