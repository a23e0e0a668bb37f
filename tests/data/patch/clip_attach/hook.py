# case: --clip hook:-0.1,1.0
import torch
import torch.nn as nn


def train(model, data):
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=0.1,
    )  # plain
    for x in data:
        model(x).backward()
        optimizer.step()
# output
import torch
import torch.nn as nn


def train(model, data):
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=0.1,
    )  # plain
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.register_hook(lambda gradient: gradient.clamp(-0.1, 1.0))
    for x in data:
        model(x).backward()
        optimizer.step()
# report
6:5 RSW104 for parameter in model.parameters(): if parameter.requires_grad: parameter.register_hook(lambda gradient: gradient.clamp(-0.1, 1.0)) inserted after optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
