# case: --clip value:1
# License.

def train_epoch(optimizer, loss):
    loss.backward()
    optimizer.step()
# output
# License.

from torch.nn.utils import clip_grad_value_
def train_epoch(optimizer, loss):
    loss.backward()
    if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
        clip_grad_value_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
# report
5:5 RSW104 if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]): clip_grad_value_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
