# case:
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import LSTM


def run(rnn: LSTM) -> None:
    print(rnn)
# output
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnswap import JANET


def run(rnn: JANET) -> None:
    print(rnn)
# report
9:14 RSW102 LSTM -> JANET
