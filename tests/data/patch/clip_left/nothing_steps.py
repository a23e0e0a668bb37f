# case: --clip norm:1.0
"""Example.

    optimizer.step()
"""

import torch

# optimizer.step()
text = "optimizer.step()"
step = optimizer.step
stepper = torch.optim.lr_scheduler.LambdaLR(optimizer, step)
stepper.step()
# report
10:8 RSW214 optimizer.step kept: it may be called under another name; call it here, or run the program with rnnswap train --clip norm:1.0
