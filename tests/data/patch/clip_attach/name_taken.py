# case: --clip agc-like:0.01
import torch

rnnswap = 1
optimizer = torch.optim.Adam(model.parameters())
# output
import torch
import rnnswap as the_rnnswap

rnnswap = 1
optimizer = torch.optim.Adam(model.parameters())
the_rnnswap.clip.attach("agc-like:0.01", optimizer)
# report
4:1 RSW104 the_rnnswap.clip.attach("agc-like:0.01", optimizer) inserted after optimizer = torch.optim.Adam(model.parameters())
4:1 RSW313 optimizer = torch.optim.Adam(model.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
