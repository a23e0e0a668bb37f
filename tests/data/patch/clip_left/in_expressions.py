# case: --clip norm:1.0
import torch

loss.backward()
[opt.step() for opt in optimizers]
ready and optimizer.step()
update = lambda: optimizer.step()
print(optimizer.step())
self.optimizers().step()
# report
4:2 RSW214 opt.step() kept: it stands inside an expression
5:11 RSW214 optimizer.step() kept: it stands inside an expression
6:18 RSW214 optimizer.step() kept: it stands inside an expression
7:7 RSW214 optimizer.step() kept: it stands inside an expression
8:1 RSW214 self.optimizers().step() kept: the optimizer has no name
