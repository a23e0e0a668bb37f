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
    clip_grad_value_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
# report
5:5 RSW104 clip_grad_value_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
