# case: --clip norm:1.0
import torch

loss.backward()
for p in model.parameters():
    p.grad.data.clamp_(-1, 1)
optimizer.step()
# report
6:1 RSW213 optimizer.step() kept: gradients are clipped in line 5 already
