# case: --clip norm:1.0
import torch; opt = torch.optim.SGD(model.parameters(), lr=0.1)
for x in data: loss(x).backward(); opt.step(); opt.zero_grad()
if last: \
    opt.step()
# output
import torch; opt = torch.optim.SGD(model.parameters(), lr=0.1)
for x in data: loss(x).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); opt.step(); opt.zero_grad()
if last: \
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); opt.step()
# report
2:36 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before opt.step()
4:5 RSW104 torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) inserted before opt.step()
