# case: --clip norm:1.0
import torch


def train_epoch(torch, optimizer, loss):
    loss.backward()
    optimizer.step()


def other(optimizer, loss):
    loss.backward()
    optimizer.step()
# output
import torch
from torch.nn.utils import clip_grad_norm_


def train_epoch(torch, optimizer, loss):
    loss.backward()
    clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()


def other(optimizer, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
# report
6:5 RSW104 clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
11:5 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
