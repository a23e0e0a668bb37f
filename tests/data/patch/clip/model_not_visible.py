# case: --clip norm:1.0
import torch


class Agent:
    def __init__(self, model):
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def learn(self, loss):
        loss.backward()
        self.optimizer.step()
# output
import torch


class Agent:
    def __init__(self, model):
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def learn(self, loss):
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], 1.0)
        self.optimizer.step()
# report
10:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], 1.0) inserted before self.optimizer.step()
