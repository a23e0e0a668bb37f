# case: --clip norm:1.0
import functools

import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
step = optimizer.step
later = functools.partial(optimizer.step, None)
for x in loader:
    model(x).backward()
    step()
    getattr(optimizer, "step")()
    torch.optim.SGD.step(optimizer)
    optimizer.step.__doc__
    getattr(loader, "step")
    getattr(optimizer, name)
# report
6:8 RSW214 optimizer.step kept: it may be called under another name; call it here, or run the program with rnnswap train --clip norm:1.0
7:27 RSW214 optimizer.step kept: it may be called under another name; call it here, or run the program with rnnswap train --clip norm:1.0
11:5 RSW214 getattr(optimizer, "step") kept: the step is looked up by its name; run the program with rnnswap train --clip norm:1.0
12:5 RSW214 torch.optim.SGD.step(optimizer) kept: the step is called through its class; run the program with rnnswap train --clip norm:1.0
