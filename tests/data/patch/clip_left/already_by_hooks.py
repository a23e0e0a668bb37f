# case: --clip norm:1.0
import torch

for p in model.parameters():
    p.register_hook(lambda grad: torch.clamp(grad, -1, 1))


def train(optimizer, loss):
    loss.backward()
    optimizer.step()
# report
9:5 RSW213 optimizer.step() kept: gradients are clipped in line 4 already
