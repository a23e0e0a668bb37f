# case: --clip value:0.5
import torch

optimizer = torch.optim.SGD(model.parameters())
for n, x in enumerate(loader):
    with torch.autocast("cpu"):
        loss = model(x)
    if loss > 0:
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
# output
import torch

optimizer = torch.optim.SGD(model.parameters())
for n, x in enumerate(loader):
    with torch.autocast("cpu"):
        loss = model(x)
    if loss > 0:
        loss.backward()
    if any(p.grad is not None for p in model.parameters()):
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
    optimizer.step()
    optimizer.zero_grad()
# report
9:5 RSW104 if any(p.grad is not None for p in model.parameters()): torch.nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted before optimizer.step()
