# case: --clip norm:1.0
def update(optimizer, loss):
    import torch

    loss.backward()
    optimizer.step()


def later(optimizer):
    optimizer.step()
    import torch
# output
from torch.nn.utils import clip_grad_norm_
def update(optimizer, loss):
    import torch

    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()


def later(optimizer):
    clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    import torch
# report
5:5 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
9:5 RSW104 clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
