# case: --clip norm:1.0
import torch
from torch import nn

opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam(D.parameters())
for real in loader:
    loss_d(D(real)).backward()
    nn.utils.clip_grad_norm_(D.parameters(), 0.5)
    opt_d.step()
    loss_g(D(G(noise()))).backward()
    opt_g.step()
# output
import torch
from torch import nn

opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam(D.parameters())
for real in loader:
    loss_d(D(real)).backward()
    nn.utils.clip_grad_norm_(D.parameters(), 0.5)
    opt_d.step()
    loss_g(D(G(noise()))).backward()
    torch.nn.utils.clip_grad_norm_(G.parameters(), 1.0)
    opt_g.step()
# report
9:5 RSW213 opt_d.step() kept: gradients are clipped in line 8 already
11:5 RSW104 torch.nn.utils.clip_grad_norm_(G.parameters(), 1.0) inserted before opt_g.step()
