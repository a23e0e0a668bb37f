# case: --clip norm:1.0
import torch
from transformers import AdamW, get_linear_schedule_with_warmup

optim = AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=5e-5)
sched = get_linear_schedule_with_warmup(optim, 10, 100)
scheduler = torch.optim.lr_scheduler.StepLR(optim, 3)
loss.backward()
optim.step()
sched.step()
scheduler.step()
# output
import torch
from transformers import AdamW, get_linear_schedule_with_warmup

optim = AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=5e-5)
sched = get_linear_schedule_with_warmup(optim, 10, 100)
scheduler = torch.optim.lr_scheduler.StepLR(optim, 3)
loss.backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optim.step()
sched.step()
scheduler.step()
# report
8:1 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optim.step()
