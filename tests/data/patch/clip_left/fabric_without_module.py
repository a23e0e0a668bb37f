# case: --clip value:1.0
from lightning.fabric import Fabric


def train(fabric, optimizer, loss):
    fabric.backward(loss)
    optimizer.step()
# report
6:5 RSW214 optimizer.step() kept: Fabric clips a module's gradients, and which one cannot be seen
