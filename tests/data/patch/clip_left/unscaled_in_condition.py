# case: --clip norm:1.0
import torch


def update(scaler, optimizer, loss, log):
    scaler.scale(loss).backward()
    if log:
        scaler.unscale_(optimizer)
        print(norm())
    scaler.step(optimizer)
# report
9:5 RSW214 scaler.step(optimizer) kept: unscale_ in line 7 is not called before every such step
