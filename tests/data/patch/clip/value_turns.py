# case: --clip value:0.5
import torch

G, D = make()
opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam([{"params": D.parameters()}])
for n, real in enumerate(loader):
    loss_d(D(real)).backward()
    opt_d.step()
    if n % 5 == 0:
        loss_g(G()).backward()
    opt_g.step()
# output
import torch

G, D = make()
opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam([{"params": D.parameters()}])
for n, real in enumerate(loader):
    loss_d(D(real)).backward()
    if any(p.grad is not None for group in opt_d.param_groups for p in group["params"]):
        torch.nn.utils.clip_grad_value_([p for group in opt_d.param_groups for p in group["params"]], 0.5)
    opt_d.step()
    if n % 5 == 0:
        loss_g(G()).backward()
    if any(p.grad is not None for p in G.parameters()):
        torch.nn.utils.clip_grad_value_(G.parameters(), 0.5)
    opt_g.step()
# report
8:5 RSW104 if any(p.grad is not None for group in opt_d.param_groups for p in group["params"]): torch.nn.utils.clip_grad_value_([p for group in opt_d.param_groups for p in group["params"]], 0.5) inserted before opt_d.step()
11:5 RSW104 if any(p.grad is not None for p in G.parameters()): torch.nn.utils.clip_grad_value_(G.parameters(), 0.5) inserted before opt_g.step()
