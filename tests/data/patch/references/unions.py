# case:
import typing
from typing import Optional, Type, TypeVar, Union

import torch
from torch import nn
from torch.nn import GRU, LSTM

Layer = Union[nn.LSTM, nn.GRU]
Other = typing.Union[LSTM, GRU]
T = TypeVar("T", bound=nn.LSTM)


class Model:
    rnn: torch.nn.LSTM | None = None
    kind: Type[LSTM]

    def get(self) -> Optional[nn.LSTM]:
        rnn: Union["GRU", LSTM] = self.rnn
        return rnn
# output
import typing
from typing import Optional, Type, TypeVar, Union

import torch
from torch import nn
from torch.nn import GRU
from rnnswap import JANET

Layer = Union[JANET, nn.GRU]
Other = typing.Union[JANET, GRU]
T = TypeVar("T", bound=JANET)


class Model:
    rnn: JANET | None = None
    kind: Type[JANET]

    def get(self) -> Optional[JANET]:
        rnn: Union["GRU", JANET] = self.rnn
        return rnn
# report
8:15 RSW102 nn.LSTM -> JANET
8:24 RSW215 nn.GRU kept: LSTM alone is replaced
9:22 RSW102 LSTM -> JANET
9:28 RSW215 GRU kept: LSTM alone is replaced
10:24 RSW102 nn.LSTM -> JANET
14:10 RSW102 torch.nn.LSTM -> JANET
15:16 RSW102 LSTM -> JANET
17:31 RSW102 nn.LSTM -> JANET
18:27 RSW102 LSTM -> JANET
