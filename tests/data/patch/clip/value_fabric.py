# case: --clip value:0.5
import torch
from lightning import Fabric

fabric = Fabric()
optimizer = torch.optim.AdamW(model.parameters())
for batch in loader:
    loss = model(batch)
    if loss > 0:
        fabric.backward(loss)
    optimizer.step()
# output
import torch
from lightning import Fabric

fabric = Fabric()
optimizer = torch.optim.AdamW(model.parameters())
for batch in loader:
    loss = model(batch)
    if loss > 0:
        fabric.backward(loss)
    if any(p.grad is not None for p in model.parameters()):
        fabric.clip_gradients(model, optimizer, clip_val=0.5)
    optimizer.step()
# report
10:5 RSW104 if any(p.grad is not None for p in model.parameters()): fabric.clip_gradients(model, optimizer, clip_val=0.5) inserted before optimizer.step()
