# case: --clip norm:1.0
from sam import SAM
import torch

optimizer = SAM(model.parameters(), torch.optim.SGD, rho=0.05)
for x, y in loader:
    loss(model(x), y).backward()
    optimizer.first_step(zero_grad=True)
    loss(model(x), y).backward()
    optimizer.second_step(zero_grad=True)
# report
7:5 RSW214 optimizer.first_step(zero_grad=True) kept: it is one half of a step; run the program with rnnswap train --clip norm:1.0
9:5 RSW214 optimizer.second_step(zero_grad=True) kept: it is one half of a step; run the program with rnnswap train --clip norm:1.0
