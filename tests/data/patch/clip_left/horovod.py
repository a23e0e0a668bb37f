# case: --clip norm:1.0
import horovod.torch as hvd
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer = hvd.DistributedOptimizer(optimizer)
loss.backward()
optimizer.step()
# report
7:1 RSW214 optimizer.step() kept: Horovod averages the gradients inside the step
