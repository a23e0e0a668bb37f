# case: --clip value:1.0
import torch

optimizer = torch.optim.RMSprop(critic.parameters())
loss.backward()
optimizer.step()
for p in critic.parameters():
    p.data.clamp_(-0.01, 0.01)
ratio = torch.clamp(ratio, 1 - clip_param, 1 + clip_param)
# output
import torch

optimizer = torch.optim.RMSprop(critic.parameters())
loss.backward()
torch.nn.utils.clip_grad_value_(critic.parameters(), 1.0)
optimizer.step()
for p in critic.parameters():
    p.data.clamp_(-0.01, 0.01)
ratio = torch.clamp(ratio, 1 - clip_param, 1 + clip_param)
# report
5:1 RSW104 torch.nn.utils.clip_grad_value_(critic.parameters(), 1.0) inserted before optimizer.step()
