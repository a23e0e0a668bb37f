# case:
from torch import nn

layer = nn.LSTM(8, 16)
if "LSTM" in str(type(layer)) or layer.mode == "LSTM":
    print("LSTM" in str(layer_names))
match type(layer).__name__:
    case "GRU":
        pass
    case "LSTM" | "RNN":
        pass
match kind:
    case "LSTM":
        pass
# output
from torch import nn
from rnnswap import JANET

layer = JANET(8, 16)
if "LSTM" in str(type(layer)) or layer.mode == "LSTM":
    print("LSTM" in str(layer_names))
match type(layer).__name__:
    case "GRU":
        pass
    case "LSTM" | "RNN":
        pass
match kind:
    case "LSTM":
        pass
# report
3:9 RSW101 nn.LSTM -> JANET
4:4 RSW311 "LSTM" in str(type(layer)) does not see janet
9:10 RSW311 "LSTM" does not match janet
