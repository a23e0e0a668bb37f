# case: --clip norm:1.0
import torch


class Lookahead(torch.optim.Optimizer):
    def step(self, closure=None):
        return self.optimizer.step(closure)


class Scheduled(object):
    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step_and_update(self):
        self.optimizer.step()


optimizer = Lookahead(torch.optim.Adam(model.parameters()))
loss.backward()
optimizer.step()
# output
import torch


class Lookahead(torch.optim.Optimizer):
    def step(self, closure=None):
        return self.optimizer.step(closure)


class Scheduled(object):
    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step_and_update(self):
        self.optimizer.step()


optimizer = Lookahead(torch.optim.Adam(model.parameters()))
loss.backward()
torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
optimizer.step()
# report
6:16 RSW214 self.optimizer.step(closure) kept: Lookahead is an optimizer itself; its own steps are those to be clipped
15:9 RSW214 self.optimizer.step() kept: Scheduled is an optimizer itself; its own steps are those to be clipped
20:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
