# case: --clip norm:2,p=inf
import torch as t

opt = t.optim.RMSprop(params=net.parameters())
loss.backward()
opt.step()
# output
import torch as t

opt = t.optim.RMSprop(params=net.parameters())
loss.backward()
t.nn.utils.clip_grad_norm_(net.parameters(), 2.0, norm_type=float("inf"))
opt.step()
# report
5:1 RSW104 t.nn.utils.clip_grad_norm_(net.parameters(), 2.0, norm_type=float("inf")) inserted before opt.step()
