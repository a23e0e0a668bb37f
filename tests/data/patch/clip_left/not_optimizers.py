# case: --clip norm:1.0
import torch

scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
lr = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3)
opt_sched.step()
scheduler.step()
lr.step()
state, reward = env.step(action)
profiler.step()
self.stepper.step(1)
optimizer.state.step
