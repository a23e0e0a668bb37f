# case: --clip norm:1.0
from torch import optim
from mine import clip_grad_norm_


def train_epoch(model, loss):
    optimizer = optim.Adam(model.parameters())
    loss.backward()
    optimizer.step()
# output
from torch import optim
from mine import clip_grad_norm_
from torch.nn.utils import clip_grad_norm_ as torch_clip_grad_norm_


def train_epoch(model, loss):
    optimizer = optim.Adam(model.parameters())
    loss.backward()
    torch_clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
# report
8:5 RSW104 torch_clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
