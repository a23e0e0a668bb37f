# case: --clip agc:0.01
import torch
from ignite.engine import create_supervised_trainer

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
trainer = create_supervised_trainer(model, optimizer, loss)
# output
import torch
from ignite.engine import create_supervised_trainer
import rnnswap

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
rnnswap.clip.attach("agc:0.01", optimizer)
trainer = create_supervised_trainer(model, optimizer, loss)
# report
4:1 RSW104 rnnswap.clip.attach("agc:0.01", optimizer) inserted after optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
4:1 RSW313 optimizer = torch.optim.SGD(model.parameters(), lr=0.1) may be clipped twice: its steps are not in this file, and clipping may be beside them
