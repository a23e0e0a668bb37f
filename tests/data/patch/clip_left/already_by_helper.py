# case: --clip norm:1.0
import torch


def bound(model):
    torch.nn.utils.clip_grad_value_(model.parameters(), 1.0)


def train(model, optimizer, loss):
    loss.backward()
    bound(model)
    optimizer.step()
# report
11:5 RSW213 optimizer.step() kept: gradients are clipped in line 10 already
