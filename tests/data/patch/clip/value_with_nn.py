# case: --clip value:0.5
from torch import nn, optim


def train(model, batches):
    opt = optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches:
        opt.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        opt.step()  # update
# output
from torch import nn, optim


def train(model, batches):
    opt = optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches:
        opt.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        opt.step()  # update
# report
9:9 RSW104 nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted before opt.step()
