# case:
from typing import Optional

from torch.nn import LSTM


def build(rnn: Optional["LSTM"] = None):
    return rnn
# report
6:25 RSW211 LSTM kept: it stands in a string
