# case: --clip value:1.0
from torch.nn import utils


def train(model, loader):
    optimizer = make(model)
    for batch in loader:
        loss = model(batch)
        loss.backward()
        utils.clip_grad_norm_(parameters=model.parameters(), max_norm=1.0)
        optimizer.step()
# report
10:9 RSW213 optimizer.step() kept: gradients are clipped in line 9 already
