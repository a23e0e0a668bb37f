# case: --clip norm:1.0
import deepspeed

engine, optimizer, _, _ = deepspeed.initialize(model=model)
engine.backward(loss)
engine.step()


def half(optimizer, loss):
    optimizer.backward(loss)
    optimizer.step()
# report
5:1 RSW214 engine.step() kept: engine runs the backward itself; clip by its own settings
10:5 RSW214 optimizer.step() kept: optimizer runs the backward itself; clip by its own settings
