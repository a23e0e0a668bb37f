# case: --clip value:0.5
import torch

optimizer = torch.optim.SGD(model.parameters())
for x in loader:
    model(x).backward()
    if skips(model):
        optimizer.zero_grad()
    optimizer.step()
# output
import torch

optimizer = torch.optim.SGD(model.parameters())
for x in loader:
    model(x).backward()
    if skips(model):
        optimizer.zero_grad()
    if any(p.grad is not None for p in model.parameters()):
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
    optimizer.step()
# report
8:5 RSW104 if any(p.grad is not None for p in model.parameters()): torch.nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted before optimizer.step()
