# case: --clip norm:1.0
from timm.utils import adaptive_clip_grad, dispatch_clip_grad


def train(model, optimizer, loss):
    loss.backward()
    dispatch_clip_grad(model.parameters(), 0.01, mode="agc")
    optimizer.step()


def other(model, optimizer, loss):
    loss.backward()
    adaptive_clip_grad(model.parameters())
    optimizer.step()
# report
7:5 RSW213 optimizer.step() kept: gradients are clipped in line 6 already
13:5 RSW213 optimizer.step() kept: gradients are clipped in line 12 already
