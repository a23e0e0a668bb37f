# case: --clip norm:1.0,p=1
import torch
from lightning.fabric import Fabric

fabric = Fabric()
optimizer = torch.optim.AdamW(model.parameters())
model, optimizer = fabric.setup(model, optimizer)
for batch in loader:
    fabric.backward(model(batch))
    optimizer.step()
# output
import torch
from lightning.fabric import Fabric

fabric = Fabric()
optimizer = torch.optim.AdamW(model.parameters())
model, optimizer = fabric.setup(model, optimizer)
for batch in loader:
    fabric.backward(model(batch))
    fabric.clip_gradients(model, optimizer, max_norm=1.0, norm_type=1.0)
    optimizer.step()
# report
9:5 RSW104 fabric.clip_gradients(model, optimizer, max_norm=1.0, norm_type=1.0) inserted before optimizer.step()
