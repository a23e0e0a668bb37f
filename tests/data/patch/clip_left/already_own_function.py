# case: --clip value:0.1
def clip_gradient(optimizer, limit):
    for group in optimizer.param_groups:
        for param in group["params"]:
            param.grad.data.clamp_(-limit, limit)


def train(model, optimizer, loss):
    loss.backward()
    clip_gradient(optimizer, 5.0)
    optimizer.step()
# report
10:5 RSW213 optimizer.step() kept: gradients are clipped in line 9 already
