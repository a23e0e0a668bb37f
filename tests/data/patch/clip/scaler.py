# case: --clip norm:1.0
import torch
from torch.cuda.amp import GradScaler, autocast

scaler = GradScaler()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in loader:
    with autocast():
        loss = model(x, y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
# output
import torch
from torch.cuda.amp import GradScaler, autocast

scaler = GradScaler()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in loader:
    with autocast():
        loss = model(x, y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
# report
10:5 RSW104 scaler.unscale_(optimizer); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before scaler.step(optimizer)
