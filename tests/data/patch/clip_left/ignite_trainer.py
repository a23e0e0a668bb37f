# case: --clip norm:1.0
import torch
from ignite.engine import create_supervised_trainer

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
trainer = create_supervised_trainer(model, optimizer, loss)
# report
5:11 RSW214 create_supervised_trainer(model, optimizer, loss) kept: ignite makes the steps; run the program with rnnswap train --clip norm:1.0
