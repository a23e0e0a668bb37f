# case:
import torch.nn as nn

import layers

a = getattr(layers, "LSTM")(8, 16)
b = layers.__dict__["LSTM"](8, 16)
c = globals()["LSTM"](8, 16)
d = getattr(nn.init, name)(weight)
e = vars(layers)["nn"].LSTM
