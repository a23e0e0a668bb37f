# case: --clip norm:1.0
import torch


def bound(model):
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)


def finish(model):
    log(model)
    bound(model)


def train(model, optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    finish(model)
    optimizer.step()
# report
17:5 RSW213 optimizer.step() kept: gradients are clipped in line 16 already
