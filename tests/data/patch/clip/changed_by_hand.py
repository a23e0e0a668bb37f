# case: --cell lstm --clip norm:1.0
import torch

model = Net()
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def scale(factor):
    for p in model.parameters():
        p.grad.data.mul_(factor)


def by_norm(loss):
    optimizer.zero_grad()
    loss.backward()
    total = sum(p.grad.norm() ** 2 for p in model.parameters()) ** 0.5
    for p in model.parameters():
        p.grad *= min(1, 1 / total)
    optimizer.step()


def by_helper(loss):
    loss.backward()
    scale(0.5)
    optimizer.step()


def by_value(loss):
    loss.backward()
    for p in model.parameters():
        p.grad[p.grad > 1] = bound
    optimizer.step()


def not_at_all(loss):
    for p in model.parameters():
        p.grad = None
    loss.backward()
    norms = [p.grad.norm() for p in model.parameters()]
    optimizer.step()
    scale(0)
# output
import torch

model = Net()
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def scale(factor):
    for p in model.parameters():
        p.grad.data.mul_(factor)


def by_norm(loss):
    optimizer.zero_grad()
    loss.backward()
    total = sum(p.grad.norm() ** 2 for p in model.parameters()) ** 0.5
    for p in model.parameters():
        p.grad *= min(1, 1 / total)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def by_helper(loss):
    loss.backward()
    scale(0.5)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def by_value(loss):
    loss.backward()
    for p in model.parameters():
        p.grad[p.grad > 1] = bound
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def not_at_all(loss):
    for p in model.parameters():
        p.grad = None
    loss.backward()
    norms = [p.grad.norm() for p in model.parameters()]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scale(0)
# report
18:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
18:5 RSW313 optimizer.step() may be clipped twice: gradients are changed by hand in line 17
24:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
24:5 RSW313 optimizer.step() may be clipped twice: gradients are changed by hand in line 9
31:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
31:5 RSW313 optimizer.step() may be clipped twice: gradients are changed by hand in line 30
39:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
