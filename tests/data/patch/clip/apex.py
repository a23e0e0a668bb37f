# case: --clip norm:1.0
import torch
from apex import amp


def train(model, loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer = amp.initialize(model, optimizer, opt_level="O1")
    for batch in loader:
        with amp.scale_loss(model(batch), optimizer) as scaled:
            scaled.backward()
        optimizer.step()
# output
import torch
from apex import amp


def train(model, loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer = amp.initialize(model, optimizer, opt_level="O1")
    for batch in loader:
        with amp.scale_loss(model(batch), optimizer) as scaled:
            scaled.backward()
        torch.nn.utils.clip_grad_norm_(amp.master_params(optimizer), 1.0)
        optimizer.step()
# report
11:9 RSW104 torch.nn.utils.clip_grad_norm_(amp.master_params(optimizer), 1.0) inserted before optimizer.step()
