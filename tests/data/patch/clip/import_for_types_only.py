# case: --clip norm:1.0
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def update(optimizer: "torch.optim.Optimizer", loss):
    loss.backward()
    optimizer.step()
# output
from typing import TYPE_CHECKING
from torch.nn.utils import clip_grad_norm_

if TYPE_CHECKING:
    import torch


def update(optimizer: "torch.optim.Optimizer", loss):
    loss.backward()
    clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
# report
9:5 RSW104 clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
