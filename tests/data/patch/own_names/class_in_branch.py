# case:
import torch.nn as nn

if hasattr(nn, "GRU"):
    class LSTM(nn.Module):
        pass
else:
    LSTM = None

rnn = LSTM()
