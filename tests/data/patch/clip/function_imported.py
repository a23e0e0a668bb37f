# case: --clip norm:1.0
from torch.nn.utils import clip_grad_norm_ as clip
import torch.optim as optim


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = optim.Adam(self.model.parameters())

    def step(self, loss):
        loss.backward()
        self.optimizer.step()
# output
from torch.nn.utils import clip_grad_norm_ as clip
import torch.optim as optim


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = optim.Adam(self.model.parameters())

    def step(self, loss):
        loss.backward()
        clip(self.model.parameters(), 1.0)
        self.optimizer.step()
# report
12:9 RSW104 clip(self.model.parameters(), 1.0) inserted before self.optimizer.step()
