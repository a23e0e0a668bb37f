# case: --clip agc-like:0.01
import rnnswap
import torch

optimizer = torch.optim.Adam(model.parameters())
rnnswap.clip.attach("agc-like:0.02", optimizer)
other_optimizer = torch.optim.Adam(other.parameters())
# output
import rnnswap
import torch

optimizer = torch.optim.Adam(model.parameters())
rnnswap.clip.attach("agc-like:0.02", optimizer)
other_optimizer = torch.optim.Adam(other.parameters())
rnnswap.clip.attach("agc-like:0.01", other_optimizer)
# report
4:1 RSW213 optimizer = torch.optim.Adam(model.parameters()) kept: gradients are clipped in line 5 already
6:1 RSW104 rnnswap.clip.attach("agc-like:0.01", other_optimizer) inserted after other_optimizer = torch.optim.Adam(other.parameters())
6:1 RSW313 other_optimizer = torch.optim.Adam(other.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
