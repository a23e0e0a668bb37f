# case:
from torch import nn

activation = getattr(nn, args.activation)()
loss = getattr(nn, kind.loss_name)()
