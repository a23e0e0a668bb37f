# case: --clip norm:1.0
def update(optimizer):
    optimizer.step()
    optimizer.zero_grad()
# output
from torch.nn.utils import clip_grad_norm_
def update(optimizer):
    clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    optimizer.zero_grad()
# report
2:5 RSW104 clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
2:5 RSW313 optimizer.step() may be clipped twice: its backward is not in this file, and clipping may be beside it
