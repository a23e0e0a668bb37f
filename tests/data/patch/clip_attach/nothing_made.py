# case: --clip agc-like:0.01
import torch.optim
from torch.optim.lr_scheduler import StepLR

parameters = list(model.parameters())
Optimizer = torch.optim.Adam
scheduler = StepLR(optimizer, 3)
