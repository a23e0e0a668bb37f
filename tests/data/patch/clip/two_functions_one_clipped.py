# case: --clip norm:1.0
import torch


def pretrain(model, optimizer, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()


def finetune(model, optimizer, loss):
    loss.backward()
    optimizer.step()
# output
import torch


def pretrain(model, optimizer, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()


def finetune(model, optimizer, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
# report
7:5 RSW213 optimizer.step() kept: gradients are clipped in line 6 already
12:5 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
