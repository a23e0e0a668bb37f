# case: --clip norm:1.0
import torch

optimizer = torch.optim.LBFGS(model.parameters())


def closure():
    loss = model(x)
    with scaled(loss) as big:
        big.backward()
        return loss


optimizer.step(closure)
optimizer.step(closure)
optimizer.step(None)
# output
import torch

optimizer = torch.optim.LBFGS(model.parameters())


def closure():
    loss = model(x)
    with scaled(loss) as big:
        big.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        return loss


optimizer.step(closure)
optimizer.step(closure)
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optimizer.step(None)
# report
13:1 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted in the closure of optimizer.step(closure)
14:1 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted in the closure of optimizer.step(closure)
15:1 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step(None)
