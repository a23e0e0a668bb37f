# case:
import enum


class Kind(enum.Enum):
    LSTM = "lstm"
    GRU = "gru"


names = {"LSTM": Kind.LSTM, Kind.LSTM: "LSTM"}
