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
