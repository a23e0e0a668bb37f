# case: --clip value:0.5
import torch

first = torch.optim.LBFGS(model.parameters())
second = torch.optim.LBFGS(head.parameters())


def closure():
    loss = head(model(x))
    loss.backward()
    return loss


first.step(closure)
second.step(closure)
# output
import torch

first = torch.optim.LBFGS(model.parameters())
second = torch.optim.LBFGS(head.parameters())


def closure():
    loss = head(model(x))
    loss.backward()
    if any(p.grad is not None for p in model.parameters()):
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
    if any(p.grad is not None for p in head.parameters()):
        torch.nn.utils.clip_grad_value_(head.parameters(), 0.5)
    return loss


first.step(closure)
second.step(closure)
# report
13:1 RSW104 if any(p.grad is not None for p in model.parameters()): torch.nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted in the closure of first.step(closure)
14:1 RSW104 if any(p.grad is not None for p in head.parameters()): torch.nn.utils.clip_grad_value_(head.parameters(), 0.5) inserted in the closure of second.step(closure)
