# case: --clip norm:1.0
import torch

G, D = make()
opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam(D.parameters())
for real in loader:
    opt_d.zero_grad()
    loss_d(D(real)).backward()
    opt_d.step()
    opt_g.zero_grad()
    loss_g(D(G(noise()))).backward()
    opt_g.step()
# output
import torch

G, D = make()
opt_g = torch.optim.Adam(G.parameters())
opt_d = torch.optim.Adam(D.parameters())
for real in loader:
    opt_d.zero_grad()
    loss_d(D(real)).backward()
    torch.nn.utils.clip_grad_norm_(D.parameters(), 1.0)
    opt_d.step()
    opt_g.zero_grad()
    loss_g(D(G(noise()))).backward()
    torch.nn.utils.clip_grad_norm_(G.parameters(), 1.0)
    opt_g.step()
# report
9:5 RSW104 torch.nn.utils.clip_grad_norm_(D.parameters(), 1.0) inserted before opt_d.step()
12:5 RSW104 torch.nn.utils.clip_grad_norm_(G.parameters(), 1.0) inserted before opt_g.step()
