# case: --clip agc-like:0.01
import torch

model = build()
optimizer = torch.optim.Adam(model.parameters())
for x in data:
    model(x).backward()
    optimizer.step()
# output
import torch
import rnnswap

model = build()
optimizer = torch.optim.Adam(model.parameters())
rnnswap.clip.attach("agc-like:0.01", optimizer)
for x in data:
    model(x).backward()
    optimizer.step()
# report
4:1 RSW104 rnnswap.clip.attach("agc-like:0.01", optimizer) inserted after optimizer = torch.optim.Adam(model.parameters())
