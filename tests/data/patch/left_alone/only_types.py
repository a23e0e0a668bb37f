# case:
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mine import LSTM


def run(rnn: LSTM, other: "LSTM | None" = None) -> None:
    print(rnn)
