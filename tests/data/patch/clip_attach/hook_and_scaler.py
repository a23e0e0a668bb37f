# case: --clip hook:-1,1
import torch

optimizer = torch.optim.Adam(model.parameters())
scaler = torch.amp.GradScaler()
scaler.scale(loss).backward()
scaler.step(optimizer)
# output
import torch

optimizer = torch.optim.Adam(model.parameters())
for parameter in model.parameters():
    if parameter.requires_grad:
        parameter.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
scaler = torch.amp.GradScaler()
scaler.scale(loss).backward()
scaler.step(optimizer)
# report
3:1 RSW104 for parameter in model.parameters(): if parameter.requires_grad: parameter.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0)) inserted after optimizer = torch.optim.Adam(model.parameters()); it bounds gradients still multiplied by the GradScaler's scale
