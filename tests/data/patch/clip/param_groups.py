# case: --clip norm:1.0
import itertools
import torch

first = torch.optim.Adam([{"params": a.parameters()}, {"params": b.parameters(), "lr": 1}])
second = torch.optim.Adam(itertools.chain(a.parameters(), b.parameters()))
third = torch.optim.Adam(list(a.parameters()) + list(b.parameters()))
fourth = torch.optim.Adam(model.parameters())
fourth.add_param_group({"params": b.parameters()})
loss.backward()
first.step()
second.step()
third.step()
fourth.step()
# output
import itertools
import torch

first = torch.optim.Adam([{"params": a.parameters()}, {"params": b.parameters(), "lr": 1}])
second = torch.optim.Adam(itertools.chain(a.parameters(), b.parameters()))
third = torch.optim.Adam(list(a.parameters()) + list(b.parameters()))
fourth = torch.optim.Adam(model.parameters())
fourth.add_param_group({"params": b.parameters()})
loss.backward()
torch.nn.utils.clip_grad_norm_([p for group in first.param_groups for p in group["params"]], 1.0)
first.step()
torch.nn.utils.clip_grad_norm_([p for group in second.param_groups for p in group["params"]], 1.0)
second.step()
torch.nn.utils.clip_grad_norm_([p for group in third.param_groups for p in group["params"]], 1.0)
third.step()
torch.nn.utils.clip_grad_norm_([p for group in fourth.param_groups for p in group["params"]], 1.0)
fourth.step()
# report
10:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in first.param_groups for p in group["params"]], 1.0) inserted before first.step()
11:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in second.param_groups for p in group["params"]], 1.0) inserted before second.step()
12:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in third.param_groups for p in group["params"]], 1.0) inserted before third.step()
13:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in fourth.param_groups for p in group["params"]], 1.0) inserted before fourth.step()
