# case:
from typing import Optional, Union

import torch.nn as nn
from torch.nn import LSTM


def encode(rnn: nn.LSTM | nn.GRU, other: Optional[LSTM] = None) -> Union[nn.LSTM, nn.GRU]:
    inner: nn.LSTM = rnn
    return inner
# output
from typing import Optional, Union

import torch.nn as nn
from rnnswap import JANET


def encode(rnn: JANET | nn.GRU, other: Optional[JANET] = None) -> Union[JANET, nn.GRU]:
    inner: JANET = rnn
    return inner
# report
7:17 RSW102 nn.LSTM -> JANET
7:51 RSW102 LSTM -> JANET
7:74 RSW102 nn.LSTM -> JANET
8:12 RSW102 nn.LSTM -> JANET
