# case: --clip norm:1.0
import torch

optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1)


def closure():
    optimizer.zero_grad()
    loss = model(x)
    if loss.requires_grad:
        loss.backward()
    return loss


for epoch in range(10):
    optimizer.step(closure)
# output
import torch

optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1)


def closure():
    optimizer.zero_grad()
    loss = model(x)
    if loss.requires_grad:
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return loss


for epoch in range(10):
    optimizer.step(closure)
# report
15:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted in the closure of optimizer.step(closure)
