# case: --clip norm:1.0
import torch


def closure():
    loss = model(x)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return loss


optimizer.step(closure)
# report
11:1 RSW213 optimizer.step(closure) kept: gradients are clipped in line 7 already
