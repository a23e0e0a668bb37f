# case:
from typing import TypedDict


class Sizes(TypedDict):
    LSTM: int
    GRU: int


sizes: Sizes = {"LSTM": 1, "GRU": 2}
print(sizes["LSTM"], sizes.get("LSTM"))
