# case:
import torch.nn as nn

setattr(nn.LSTM, "forward", None)
delattr(nn.LSTM, "forward")
# report
3:9 RSW209 nn.LSTM kept: the class itself is changed by this call
4:9 RSW209 nn.LSTM kept: the class itself is changed by this call
