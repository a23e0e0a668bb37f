# case:
import torch.nn as nn

original = nn.LSTM.forward
nn.LSTM.forward = traced(original)
nn.LSTM.custom = 3
nn.LSTM.__init__ = traced(nn.LSTM.__init__)
# report
3:12 RSW209 nn.LSTM kept: this file changes the class itself
4:1 RSW209 nn.LSTM kept: forward of the class itself is used
5:1 RSW209 nn.LSTM kept: custom of the class itself is used
6:1 RSW209 nn.LSTM kept: __init__ of the class itself is used
6:27 RSW209 nn.LSTM kept: this file changes the class itself
