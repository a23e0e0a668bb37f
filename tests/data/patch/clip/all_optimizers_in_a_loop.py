# case: --clip norm:1.0
import torch


def update(optimizers, loss):
    for opt in optimizers:
        opt.zero_grad()
    loss.backward()
    for opt in optimizers:
        opt.step()
    optimizers["last"].step()
# output
import torch


def update(optimizers, loss):
    for opt in optimizers:
        opt.zero_grad()
    loss.backward()
    for opt in optimizers:
        torch.nn.utils.clip_grad_norm_([p for group in opt.param_groups for p in group["params"]], 1.0)
        opt.step()
    torch.nn.utils.clip_grad_norm_([p for group in optimizers["last"].param_groups for p in group["params"]], 1.0)
    optimizers["last"].step()
# report
9:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in opt.param_groups for p in group["params"]], 1.0) inserted before opt.step()
10:5 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizers["last"].param_groups for p in group["params"]], 1.0) inserted before optimizers["last"].step()
