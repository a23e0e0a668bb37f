# case: --clip norm:1.0
import torch


class NoamOpt:
    def __init__(self, size, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.param_groups[0]["lr"] = self.rate()
        self.optimizer.step()


model_opt = NoamOpt(512, torch.optim.Adam(model.parameters()))
loss.backward()
model_opt.step()
# output
import torch


class NoamOpt:
    def __init__(self, size, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.param_groups[0]["lr"] = self.rate()
        torch.nn.utils.clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], 1.0)
        self.optimizer.step()


model_opt = NoamOpt(512, torch.optim.Adam(model.parameters()))
loss.backward()
model_opt.step()
# report
10:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], 1.0) inserted before self.optimizer.step()
10:9 RSW313 self.optimizer.step() may be clipped twice: its backward is not in this class, and clipping may be beside it
15:1 RSW214 model_opt.step() kept: NoamOpt of this file makes the step, where clipping goes
