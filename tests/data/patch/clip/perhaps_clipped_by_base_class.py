# case: --clip value:0.5
import torch

from base import Trainer


class Mine(Trainer):
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters())

    def step(self, loss):
        loss.backward()
        self.after_backward(self.optimizer)
        self.optimizer.step()


class Second(Trainer):
    def finish(self):
        self.optimizer.step()
# output
import torch

from base import Trainer


class Mine(Trainer):
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters())

    def step(self, loss):
        loss.backward()
        self.after_backward(self.optimizer)
        torch.nn.utils.clip_grad_value_([p for group in self.optimizer.param_groups for p in group["params"]], 0.5)
        self.optimizer.step()


class Second(Trainer):
    def finish(self):
        if any(p.grad is not None for group in self.optimizer.param_groups for p in group["params"]):
            torch.nn.utils.clip_grad_value_([p for group in self.optimizer.param_groups for p in group["params"]], 0.5)
        self.optimizer.step()
# report
14:9 RSW104 torch.nn.utils.clip_grad_value_([p for group in self.optimizer.param_groups for p in group["params"]], 0.5) inserted before self.optimizer.step()
14:9 RSW313 self.optimizer.step() may be clipped twice: what self.after_backward does to the gradients cannot be seen
19:9 RSW104 if any(p.grad is not None for group in self.optimizer.param_groups for p in group["params"]): torch.nn.utils.clip_grad_value_([p for group in self.optimizer.param_groups for p in group["params"]], 0.5) inserted before self.optimizer.step()
19:9 RSW313 self.optimizer.step() may be clipped twice: its backward is not in this class, and clipping may be beside it
