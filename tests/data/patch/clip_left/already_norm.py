# case: --clip norm:1.0
import torch

loss.backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
optimizer.step()
# report
5:1 RSW213 optimizer.step() kept: gradients are clipped in line 4 already
