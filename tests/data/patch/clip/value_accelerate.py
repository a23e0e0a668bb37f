# case: --clip value:0.5
import torch
from accelerate import Accelerator

accelerator = Accelerator()
optimizer = torch.optim.AdamW(model.parameters())
for batch in loader:
    with accelerator.accumulate(model):
        loss = model(batch)
        if loss > 0:
            accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
# output
import torch
from accelerate import Accelerator

accelerator = Accelerator()
optimizer = torch.optim.AdamW(model.parameters())
for batch in loader:
    with accelerator.accumulate(model):
        loss = model(batch)
        if loss > 0:
            accelerator.backward(loss)
        if accelerator.sync_gradients and any(p.grad is not None for p in model.parameters()):
            accelerator.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
# report
11:9 RSW104 if accelerator.sync_gradients and any(p.grad is not None for p in model.parameters()): accelerator.clip_grad_value_(model.parameters(), 0.5) inserted before optimizer.step()
