# case: --clip norm:1.0
import torch
from helpers import finish, log


def train(model, loss):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss.backward()
    finish(model)
    optimizer.step()


def other(model, loss):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    finish(model)
    loss.backward()
    log(loss)
    torch.nn.utils.parameters_to_vector(model.parameters())
    optimizer.step()
# output
import torch
from helpers import finish, log


def train(model, loss):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss.backward()
    finish(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def other(model, loss):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    finish(model)
    loss.backward()
    log(loss)
    torch.nn.utils.parameters_to_vector(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
# report
9:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
9:5 RSW313 optimizer.step() may be clipped twice: what finish does to the gradients cannot be seen
18:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
