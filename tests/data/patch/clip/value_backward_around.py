# case: --clip value:0.5
import torch

optimizer = torch.optim.SGD(model.parameters())
for n, x in enumerate(loader):
    with torch.autograd.detect_anomaly():
        model(x).backward()
    if n % 4 == 3:
        optimizer.step()
        optimizer.zero_grad()
# output
import torch

optimizer = torch.optim.SGD(model.parameters())
for n, x in enumerate(loader):
    with torch.autograd.detect_anomaly():
        model(x).backward()
    if n % 4 == 3:
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
# report
8:9 RSW104 torch.nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted before optimizer.step()
