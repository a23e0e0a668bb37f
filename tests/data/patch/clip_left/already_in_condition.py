# case: --clip value:1.0
from torch.nn.utils import clip_grad_norm_


def train(model, optimizer, loss, args):
    loss.backward()
    if args.clip > 0:
        clip_grad_norm_(model.parameters(), args.clip)
    optimizer.step()
# report
8:5 RSW213 optimizer.step() kept: gradients are clipped in line 7 already
