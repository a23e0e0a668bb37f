# case: --clip norm:1.0
import torch
import torch.nn as nn


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-3)

    def learn(self, loss):
        self.optimizer.zero_grad()
        loss.backward()
        self._step()

    def _step(self):
        self.optimizer.step()
# output
import torch
import torch.nn as nn


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-3)

    def learn(self, loss):
        self.optimizer.zero_grad()
        loss.backward()
        self._step()

    def _step(self):
        torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()
# report
16:9 RSW104 torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0) inserted before self.optimizer.step()
