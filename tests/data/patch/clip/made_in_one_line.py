# case: --cell lstm --clip value:0.5
import torch

model = Net(); optimizer = torch.optim.Adam(model.parameters()); model.train()
for x in batches:
    if x is None:
        continue
    model(x).sum().backward()
    optimizer.step()
# output
import torch

model = Net(); optimizer = torch.optim.Adam(model.parameters()); model.train()
for x in batches:
    if x is None:
        continue
    model(x).sum().backward()
    torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
    optimizer.step()
# report
8:5 RSW104 torch.nn.utils.clip_grad_value_(model.parameters(), 0.5) inserted before optimizer.step()
