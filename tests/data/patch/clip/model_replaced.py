# case: --clip norm:1.0
import torch

model = build()
model = model.to("cuda")
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model = torch.nn.DataParallel(model)
loss(model).backward()
optimizer.step()

other = build()
second_optimizer = torch.optim.Adam(other.parameters(), lr=1e-3)
other = build()
loss(other).backward()
second_optimizer.step()
# output
import torch

model = build()
model = model.to("cuda")
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model = torch.nn.DataParallel(model)
loss(model).backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optimizer.step()

other = build()
second_optimizer = torch.optim.Adam(other.parameters(), lr=1e-3)
other = build()
loss(other).backward()
torch.nn.utils.clip_grad_norm_([p for group in second_optimizer.param_groups for p in group["params"]], 1.0)
second_optimizer.step()
# report
8:1 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before optimizer.step()
14:1 RSW104 torch.nn.utils.clip_grad_norm_([p for group in second_optimizer.param_groups for p in group["params"]], 1.0) inserted before second_optimizer.step()
