# case: --clip hook:-1,1
from rnnswap.clip import install
import torch

install("norm:1.0")
optimizer = torch.optim.Adam(model.parameters())
loss.backward()
optimizer.step()
# report
5:1 RSW213 optimizer = torch.optim.Adam(model.parameters()) kept: gradients are clipped in line 4 already
