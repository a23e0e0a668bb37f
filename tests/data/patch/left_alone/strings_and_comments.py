# case:
"""Uses nn.LSTM and torch.nn.LSTM."""
from torch import nn

# nn.LSTM(8, 16)
name = "nn.LSTM"
text = f"{name} LSTM"
gru = nn.GRU(8, 16)  # not nn.LSTM
# report
7:7 RSW215 nn.GRU kept: LSTM alone is replaced
