# case: --cell lstm --clip norm:1.0
import torch

optimizers = {"a": torch.optim.SGD(a.parameters(), 0.1), "b": torch.optim.SGD(b.parameters(), 0.1)}
schedulers = {name: make(one) for name, one in optimizers.items()}
for x in batches:
    model(x).sum().backward()
    for one in optimizers.values():
        one.step()
    for one_more in (optimizers["a"], optimizers["b"]):
        one_more.step()
    for later in schedulers.values():
        later.step()
    for env in envs:
        env.step()
    [o.step() for o in optimizers.values()]
# output
import torch

optimizers = {"a": torch.optim.SGD(a.parameters(), 0.1), "b": torch.optim.SGD(b.parameters(), 0.1)}
schedulers = {name: make(one) for name, one in optimizers.items()}
for x in batches:
    model(x).sum().backward()
    for one in optimizers.values():
        torch.nn.utils.clip_grad_norm_([p for group in one.param_groups for p in group["params"]], 1.0)
        one.step()
    for one_more in (optimizers["a"], optimizers["b"]):
        torch.nn.utils.clip_grad_norm_([p for group in one_more.param_groups for p in group["params"]], 1.0)
        one_more.step()
    for later in schedulers.values():
        later.step()
    for env in envs:
        env.step()
    [o.step() for o in optimizers.values()]
# report
8:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in one.param_groups for p in group["params"]], 1.0) inserted before one.step()
10:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in one_more.param_groups for p in group["params"]], 1.0) inserted before one_more.step()
15:6 RSW214 o.step() kept: it stands inside an expression
