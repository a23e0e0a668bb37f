# case: --clip norm:1.0
import torch
from torch import nn


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters())

    def clip_gradients(self):
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)

    def update(self, loss):
        loss.backward()
        self.clip_gradients()
        self.optimizer.step()
# report
16:9 RSW213 self.optimizer.step() kept: gradients are clipped in line 15 already
