# case:
from typing import Optional, cast

from torch import nn

a = cast("nn.LSTM", layer)
b: Optional["nn.LSTM"] = None


def build(kind: "type[nn.LSTM]") -> "nn.LSTM":
    return kind(8, 16)
# report
5:10 RSW211 nn.LSTM kept: it stands in a string
6:13 RSW211 nn.LSTM kept: it stands in a string
9:17 RSW211 nn.LSTM kept: it stands in a string
9:37 RSW211 nn.LSTM kept: it stands in a string
