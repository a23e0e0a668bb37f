# case: --clip agc-like:0.01
import torch

optimizer = torch.optim.Adam(model.parameters())
loss.backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optimizer.step()
# report
3:1 RSW213 optimizer = torch.optim.Adam(model.parameters()) kept: gradients are clipped in line 5 already
