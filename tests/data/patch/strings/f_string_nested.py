# case:
import torch

print(f"{type(torch.nn.LSTM):>{10}} {torch.nn.LSTM.__name__!r}")
# report
3:15 RSW211 torch.nn.LSTM kept: it stands in an f-string
3:38 RSW211 torch.nn.LSTM kept: it stands in an f-string
