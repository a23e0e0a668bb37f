# case: --clip norm:1.0
import rnnswap
import torch

optimizer = torch.optim.Adam(model.parameters())
rnnswap.clip.attach("agc-like:0.01", optimizer)
loss.backward()
optimizer.step()
# report
7:1 RSW213 optimizer.step() kept: gradients are clipped in line 5 already
